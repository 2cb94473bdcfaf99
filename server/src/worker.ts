// A worker thread: constructs what it needs and serves tasks. No logic here.

import { archiveTasks } from './platform/archive/deflate-task.ts';
import { blockingFs } from './platform/blocking-fs.ts';
import { serveTasks, threadMark } from './platform/worker-thread.ts';
import { tsdbTasks } from './tsdb/index.ts';

serveTasks([...tsdbTasks(blockingFs(threadMark())), ...archiveTasks()]);
