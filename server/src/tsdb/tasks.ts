import type { Fs } from '../base/ports/fs.ts';
import { handles, type TaskHandler } from '../base/ports/task-runner.ts';
import { verifyBlock } from './block/block-reader.ts';
import { verifyBlockTask } from './block/verify-task.ts';
import { mergeTask, runMergeTask } from './compact/merge-task.ts';
import { salvageBlock } from './compact/salvage.ts';
import { salvageTask } from './compact/salvage-task.ts';
import { headBlockTask, runHeadBlockTask } from './head/head-block-task.ts';
import { logPartTask, readLogPart } from './head/log-part.ts';
import { checkpointTask, runCheckpointTask } from './wal/checkpoint.ts';

/** The database's work for worker threads. */
export function tsdbTasks(fs: Fs): TaskHandler[] {
  return [
    handles(headBlockTask, (input, signal) => runHeadBlockTask(fs, input, signal)),
    handles(logPartTask, (input) => readLogPart(fs, input)),
    handles(mergeTask, (input, signal) => runMergeTask(fs, input, signal)),
    handles(salvageTask, ({ dir, name, parentDir, ulid, known }, signal) =>
      salvageBlock(fs, dir, name, parentDir, ulid, signal, known),
    ),
    handles(verifyBlockTask, ({ dir }) => verifyBlock(fs, dir)),
    handles(checkpointTask, (input, signal) => runCheckpointTask(fs, input, signal)),
  ];
}
