import type { Fs } from '../../base/ports/fs.ts';
import { defineTask } from '../../base/ports/task-runner.ts';
import { BlockFile } from '../block/block-file.ts';
import { writeBlock } from '../block/block-writer.ts';
import type { BlockMeta } from '../block/meta.ts';
import type { TimeRange } from '../../model/time-range.ts';
import { SymbolCache } from '../index/symbol-file.ts';
import { mergedMeta } from './plan.ts';
import { MergeSource } from './merge-source.ts';

export interface MergeInput {
  /** Folders of the blocks, which stay as they are. */
  readonly blockDirs: readonly string[];
  /** The merged block appears here under its ULID, whole or not at all. */
  readonly parentDir: string;
  readonly ulid: string;
  /** Samples outside of it are left out; undefined: none are. */
  readonly range?: TimeRange;
}

/** Merges blocks to one; undefined when no sample is left. */
export const mergeTask = defineTask<MergeInput, BlockMeta | undefined>('tsdb.merge-blocks');

export async function runMergeTask(
  fs: Fs,
  { blockDirs, parentDir, ulid, range }: MergeInput,
  signal: AbortSignal,
): Promise<BlockMeta | undefined> {
  const blocks: BlockFile[] = [];
  try {
    const cache = new SymbolCache();
    for (const dir of blockDirs) {
      signal.throwIfAborted();
      blocks.push(await BlockFile.open(fs, dir, cache));
    }
    blocks.sort((a, b) => a.meta.minTime - b.meta.minTime);
    const { minTime, maxTime, compaction } = mergedMeta(blocks.map(({ meta }) => meta));
    const minTimeMs = Math.max(minTime, range?.minTimeMs ?? minTime);
    const maxTimeMs = Math.min(maxTime, range?.maxTimeMs ?? maxTime);
    const source = await MergeSource.open(blocks, minTimeMs, maxTimeMs);
    const plan = { ulid, minTimeMs, maxTimeMs, compaction };
    return await writeBlock(fs, parentDir, plan, source, signal);
  } finally {
    for (const block of blocks) await block.close();
  }
}
