import type { Fs } from '../../base/ports/fs.ts';
import { defineTask } from '../../base/ports/task-runner.ts';
import { type BlockPlan, writeBlock } from '../block/block-writer.ts';
import type { BlockMeta } from '../block/meta.ts';
import { HeadBlockSource } from './head-block-source.ts';
import type { HeadSnapshot } from './head-snapshot.ts';

export interface HeadBlockInput {
  readonly parentDir: string;
  readonly plan: BlockPlan;
  readonly snapshot: HeadSnapshot;
}

/** Writes a snapshot of the head as a block; undefined when it holds no sample. */
export const headBlockTask = defineTask<HeadBlockInput, BlockMeta | undefined>(
  'tsdb.write-head-block',
);

export function runHeadBlockTask(
  fs: Fs,
  { parentDir, plan, snapshot }: HeadBlockInput,
  signal: AbortSignal,
): Promise<BlockMeta | undefined> {
  return writeBlock(fs, parentDir, plan, new HeadBlockSource(snapshot), signal);
}
