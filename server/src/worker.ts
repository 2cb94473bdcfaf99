// A worker thread: constructs what it needs and serves tasks. No logic here.

import { archiveTasks } from './platform/archive/deflate-task.ts';
import { diskFs } from './platform/disk-fs.ts';
import { serveTasks } from './platform/worker-thread.ts';
import { tsdbTasks } from './tsdb/index.ts';

serveTasks([...tsdbTasks(diskFs), ...archiveTasks()]);
