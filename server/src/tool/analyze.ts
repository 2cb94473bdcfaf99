import { compareText, METRIC_NAME } from '../model/labels.ts';
import type { BlockFile } from '../tsdb/index.ts';
import { CodedError } from '../base/errors.ts';
import { parseArguments } from './arguments.ts';
import { DEFAULT_DB_DIR, type ToolEnvironment, withDb } from './environment.ts';
import { formatDuration } from './go-format.ts';
import { LabelCounts } from './label-counts.ts';

const LIMIT_DEFAULT = 20;
/** Prometheus closes a chunk at this many samples. */
const CHUNK_SAMPLES = 120;
const BUCKETS = 10;

interface Ranked {
  readonly key: string;
  readonly metric: number;
}

/** `analyze [--limit=20] [--extended] [<db path>] [<block id>]`: what makes a block large. */
export async function analyze(args: readonly string[], env: ToolEnvironment): Promise<void> {
  const { numbers, switches, positionals } = parseArguments(args, {
    flags: { limit: { kind: 'integer' }, extended: { kind: 'switch' } },
    positionals: ['[db path]', '[block id]'],
  });
  const [dir = DEFAULT_DB_DIR, blockId = ''] = positionals;
  await withDb(env, dir, async ({ blocks }, leftOut) => {
    const wanted = leftOut.get(blockId);
    if (wanted !== undefined) {
      const message = `block ${blockId} cannot be read`;
      throw new CodedError('ERR_BLOCKS_DAMAGED', message, { dir }, wanted.error);
    }
    const block = blockId === '' ? blocks.at(-1) : blocks.find(({ meta }) => meta.ulid === blockId);
    if (block === undefined) {
      throw new CodedError('ERR_BLOCK_UNKNOWN', `block ${blockId} not found`, { dir });
    }
    const counts = await countLabels(block, env);
    await report(block, counts, numbers.get('limit') ?? LIMIT_DEFAULT, env);
    if (switches.has('extended')) await reportFullness(block, env);
  });
}

async function countLabels({ index, meta }: BlockFile, env: ToolEnvironment): Promise<LabelCounts> {
  const symbols = await index.symbols();
  const rangeMs = meta.maxTime - meta.minTime;
  const counts = new LabelCounts(symbols.count);
  const cursor = index.series(await index.allSeries());
  for (let seriesCount = 0; ; seriesCount++) {
    const more = cursor.next();
    if (!(typeof more === 'boolean' ? more : await more)) break;
    const { chunks } = cursor;
    const coveredMs =
      chunks.length === 0 ? 0 : chunks[chunks.length - 1].maxTimeMs - chunks[0].minTimeMs;
    counts.add(cursor.labelRefs, rangeMs - coveredMs);
    env.progress.update(() => `${seriesCount} series`);
  }
  return counts;
}

async function report(
  { index, meta }: BlockFile,
  counts: LabelCounts,
  limit: number,
  { out }: ToolEnvironment,
): Promise<void> {
  const rangeMs = meta.maxTime - meta.minTime;
  const section = (title: string, ranked: readonly Ranked[]): void => {
    out.text(`\n${title}:\n`);
    // promtool leaves the order of equals to chance; ours is that of the names.
    const sorted = ranked.toSorted((a, b) => b.metric - a.metric || compareText(a.key, b.key));
    for (const { key, metric } of sorted.slice(0, Math.max(0, limit)))
      out.text(`${metric} ${key}\n`);
  };
  const names = await index.labelNames();
  out.text(`Block ID: ${meta.ulid}\n`);
  out.text(`Duration: ${formatDuration(rangeMs)}\n`);
  out.text(`Series: ${meta.stats.numSeries}\n`);
  out.text(`Label names: ${names.length}\n`);
  out.text(`Postings (unique label pairs): ${counts.pairCount}\n`);
  out.text(`Postings entries (total label pairs): ${counts.entryCount}\n`);

  const symbols = await index.symbols();
  const text = async (ref: number): Promise<string> => symbols.peek(ref) ?? symbols.text(ref);
  const pairs = async (
    wanted: readonly { name: number; value: number; metric: number }[],
  ): Promise<Ranked[]> => {
    const ranked: Ranked[] = [];
    for (const { name, value, metric } of wanted) {
      ranked.push({ key: `${await text(name)}=${await text(value)}`, metric });
    }
    return ranked;
  };
  const share = (uncoveredMs: number): number => Math.floor(uncoveredMs / rangeMs);
  section(
    'Label pairs most involved in churning',
    await pairs(counts.topPairs(limit, (pair) => share(counts.uncoveredMs(pair)))),
  );
  const churning: Ranked[] = [];
  for (const [name, uncoveredMs] of counts.uncoveredByName()) {
    churning.push({ key: await text(name), metric: share(uncoveredMs) });
  }
  section('Label names most involved in churning', churning);
  section(
    'Most common label pairs',
    await pairs(counts.topPairs(limit, (pair) => counts.count(pair))),
  );

  const encoder = new TextEncoder();
  const lengths: Ranked[] = [];
  const cardinalities: Ranked[] = [];
  for (const name of names) {
    const values = await index.labelValues(name);
    lengths.push({ key: name, metric: encoder.encode(values.join('')).length });
    cardinalities.push({ key: name, metric: values.length });
  }
  section('Label names with highest cumulative label value length', lengths);
  section('Highest cardinality labels', cardinalities);
  const metrics: Ranked[] = [];
  for (const { value, offset } of await index.valueEntries(METRIC_NAME)) {
    metrics.push({ key: value, metric: await index.postingsCountAt(offset) });
  }
  section('Highest cardinality metric names', metrics);
}

async function reportFullness(block: BlockFile, { out, progress }: ToolEnvironment): Promise<void> {
  const buckets = new Array<number>(BUCKETS).fill(0);
  let total = 0;
  const cursor = block.index.series(await block.index.allSeries());
  for (;;) {
    const more = cursor.next();
    if (!(typeof more === 'boolean' ? more : await more)) break;
    for (const { ref } of cursor.chunks) {
      const { data } = block.segments.peek(ref) ?? (await block.segments.read(ref));
      const sampleCount = Math.min((data[0] << 8) | data[1], CHUNK_SAMPLES);
      buckets[Math.max(1, Math.ceil((BUCKETS * sampleCount) / CHUNK_SAMPLES)) - 1]++;
      total++;
    }
    progress.update(() => `${total} chunks`);
  }
  out.text('\nCompaction analysis:\n');
  out.text('Fullness: Amount of samples in chunks (100% is 120 samples)\n');
  for (const [bucket, count] of buckets.entries()) {
    const percent = Math.floor((100 * count) / Math.max(1, total));
    out.text(`${String((bucket + 1) * 10).padStart(7)}%: ${'#'.repeat(percent)}\n`);
  }
}
