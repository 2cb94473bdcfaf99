// The TSDB's public surface.

export { Db } from './db/db.ts';
export type { PlaceLoss } from './db/db-place.ts';
export type { DbOptions, HeadStats, LogDamage, WalStats } from './db/options.ts';
export type { TimeRange } from '../model/time-range.ts';
export { tsdbTasks } from './tasks.ts';
export { decodeBlockMeta, formatBlockMeta, parseBlockMeta, readBlockMeta } from './block/meta.ts';
export type {
  BlockCompaction,
  BlockMeta,
  BlockOnDisk,
  BlockParent,
  BlockStats,
} from './block/meta.ts';
export { type BlockPlan, type BlockSource, writeBlock } from './block/block-writer.ts';
export { BlockReader, type BlockSeries, verifyBlock } from './block/block-reader.ts';
export { BlockStreamCheck, type FileCheck, INDEX_TAIL_BYTES } from './block/stream-check.ts';
export { verifyBlockTask } from './block/verify-task.ts';
export { BlockFile } from './block/block-file.ts';
export { ReadOnlyDb, type UnreadableBlock } from './db/read-only-db.ts';
export { BlockImport, type SkippedSamples } from './head/block-import.ts';
export { mergeTask } from './compact/merge-task.ts';
export { firstOverlap, planMerge, splitByRange } from './compact/plan.ts';
export { lostSamples, salvageBlock, type Salvaged } from './compact/salvage.ts';
export { salvageTask } from './compact/salvage-task.ts';
export { parseSelector } from './query/selector.ts';
export type { SeriesSet } from './query/querier.ts';
export type { SampleSource } from './chunkenc/sample-source.ts';
export { deriveReference, dueBlocks, keptFromMs } from './db/reference-time.ts';
export type { Agreement, ReferenceTime } from './db/reference-time.ts';
export { formatReference, parseReference, REFERENCE_BYTES_MAX } from './db/reference-file.ts';
export type { ReferenceRecord } from './db/reference-file.ts';
export { TIME_AHEAD_MS } from './limits.ts';
export { type BadBlock, removeBlock } from './db/block-folder.ts';
