import { METRIC_NAME } from '../model/labels.ts';
import { parseSelector, type SampleSource, type SeriesSet } from '../tsdb/index.ts';
import { type CommandSyntax, parseArguments } from './arguments.ts';
import { DEFAULT_DB_DIR, failWhenDamaged, type ToolEnvironment, withDb } from './environment.ts';
import { formatHistogram } from './format-histogram.ts';
import { formatLabelSet } from './go-format.ts';

const SYNTAX: CommandSyntax = {
  flags: {
    'min-time': { kind: 'integer' },
    'max-time': { kind: 'integer' },
    match: { kind: 'list' },
  },
  positionals: ['[db path]'],
};
const MATCH_ALL = "{__name__=~'(?s:.*)'}";
const SPACE = 0x20;
const DOT = 0x2e;
const NEWLINE = 0x0a;

/** `dump`: all samples, one a line: labels, value, time in milliseconds. */
export function dump(args: readonly string[], env: ToolEnvironment): Promise<void> {
  const { out } = env;
  return dumpSeries(args, env, async (set, samples) => {
    const prefix = new TextEncoder().encode(`${formatLabelSet(set.labels)} `);
    while (samples.next()) {
      out.bytes(prefix);
      if (samples.histogram === undefined) out.float(samples.valueHi, samples.valueLo);
      else out.text(formatHistogram(samples.histogram));
      out.byte(SPACE);
      out.integer(samples.timeMs);
      out.byte(NEWLINE);
      if (out.isFull) await out.settle();
    }
  });
}

/**
 * `dump-openmetrics`: the floats as OpenMetrics text, as newer versions of promtool have it. The
 * format has no form for native histograms.
 */
export async function dumpOpenMetrics(
  args: readonly string[],
  env: ToolEnvironment,
): Promise<void> {
  const { out } = env;
  const write = async (set: SeriesSet, samples: SampleSource): Promise<void> => {
    const labels = set.labels.filter(({ name }) => name !== METRIC_NAME);
    const metric = set.labels.find(({ name }) => name === METRIC_NAME)?.value ?? '';
    const prefix = new TextEncoder().encode(`${metric}${formatLabelSet(labels)} `);
    while (samples.next()) {
      if (samples.histogram !== undefined) continue;
      out.bytes(prefix);
      out.float(samples.valueHi, samples.valueLo);
      out.byte(SPACE);
      putSeconds(env, samples.timeMs);
      out.byte(NEWLINE);
      if (out.isFull) await out.settle();
    }
  };
  await dumpSeries(args, env, write, '# EOF\n');
}

/** Writes what can be read, and fails at the end when that is not all. */
async function dumpSeries(
  args: readonly string[],
  env: ToolEnvironment,
  write: (set: SeriesSet, samples: SampleSource) => Promise<void>,
  end = '',
): Promise<void> {
  const { numbers, lists, positionals } = parseArguments(args, SYNTAX);
  const selectors = await Promise.all((lists.get('match') ?? [MATCH_ALL]).map(parseSelector));
  // Both ends of the command's range are included.
  const minTimeMs = numbers.get('min-time') ?? -Infinity;
  const maxTimeMs = (numbers.get('max-time') ?? Infinity) + 1;
  await withDb(env, positionals[0] ?? DEFAULT_DB_DIR, async (db, leftOut) => {
    const querier = await db.querier({ minTimeMs, maxTimeMs });
    const set = await querier.select(...selectors);
    let seriesCount = 0;
    for (;;) {
      const more = set.next();
      if (!(typeof more === 'boolean' ? more : await more)) break;
      const samples = set.samples();
      await write(set, samples instanceof Promise ? await samples : samples);
      seriesCount++;
      env.signal.throwIfAborted();
      env.progress.update(() => `${seriesCount} series`);
    }
    env.out.text(end);
    const { unknownChunks } = set;
    if (unknownChunks > 0) {
      env.logger.warn('chunks of an unknown encoding were left out', { unknownChunks });
    }
    failWhenDamaged(leftOut);
  });
}

/** As `%.3f` of the time in seconds. */
function putSeconds({ out }: ToolEnvironment, timeMs: number): void {
  if (timeMs < 0) out.byte(0x2d);
  const magnitude = Math.abs(timeMs);
  out.integer(Math.floor(magnitude / 1000));
  out.byte(DOT);
  const fraction = magnitude % 1000;
  if (fraction < 100) out.byte(0x30);
  if (fraction < 10) out.byte(0x30);
  out.integer(fraction);
}
