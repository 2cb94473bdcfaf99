import { codeOf, CodedError } from '../base/errors.ts';
import type { File } from '../base/ports/fs.ts';
import { END, SAMPLE } from '../ingest/exposition/entries.ts';
import { OpenMetricsParser } from '../ingest/exposition/openmetrics-parser.ts';
import { makeLabels, type Labels } from '../model/labels.ts';
import { BlockImport, type SkippedSamples } from '../tsdb/index.ts';
import { parseArguments, usageError } from './arguments.ts';
import { DEFAULT_DB_DIR, type ToolEnvironment, withoutSlash } from './environment.ts';
import { KnownSeries } from './known-series.ts';
import { LineWindows, countLines } from './line-windows.ts';
import { blockRow, BLOCK_HEADER } from './block-table.ts';
import { formatTable } from './go-format.ts';

const HOUR_MS = 3_600_000;
const BLOCK_RANGE_MS = 2 * HOUR_MS;
/** Prometheus' block ranges: each holds three of the one before. */
const RANGE_FACTOR = 3;
const RANGES = 10;
/** The bits of Prometheus' ordinary NaN. */
const NORMAL_NAN_HI = 0x7ff80000;
const NORMAL_NAN_LO = 1;

/**
 * `create-blocks-from [-r] [-q] [--strict] [--max-block-duration=2h] openmetrics
 * [--label=NAME=VALUE …] <input file> [<output directory>]`: blocks of the samples of a text.
 */
export async function createBlocksFrom(
  args: readonly string[],
  env: ToolEnvironment,
): Promise<void> {
  const { switches, lists, numbers, positionals } = parseArguments(args, {
    flags: {
      'human-readable': { kind: 'switch', short: 'r' },
      quiet: { kind: 'switch', short: 'q' },
      'max-block-duration': { kind: 'duration' },
      'allow-incompatible-block-duration': { kind: 'switch' },
      label: { kind: 'list' },
      strict: { kind: 'switch' },
    },
    positionals: ['openmetrics', 'input file', '[output directory]'],
  });
  const [format, path, dir = DEFAULT_DB_DIR] = positionals;
  if (format !== 'openmetrics') throw usageError(`blocks cannot be made from ${format}`);
  const maxMs = numbers.get('max-block-duration') ?? BLOCK_RANGE_MS;
  const isExact = switches.has('allow-incompatible-block-duration');
  const parentDir = withoutSlash(dir);
  const extra = new Map((lists.get('label') ?? []).map(parseLabel));
  const file = await env.fs.open(path, 'read');
  try {
    const { fs, clock } = env;
    const rangeMs = isExact ? Math.max(maxMs, BLOCK_RANGE_MS) : compatibleRange(maxMs);
    const blocks = new BlockImport({ fs, clock, parentDir, rangeMs });
    await fs.makeDir(parentDir);
    const reader = new TextImport({
      file,
      path,
      blocks,
      extra,
      isStrict: switches.has('strict'),
      env,
    });
    await writeAll(reader, blocks, parentDir, switches, env);
    warnSkipped(blocks.skipped, env);
  } finally {
    await file.close();
  }
}

/** Reads the text as often as memory makes it necessary. */
async function writeAll(
  reader: TextImport,
  blocks: BlockImport,
  parentDir: string,
  switches: ReadonlySet<string>,
  env: ToolEnvironment,
): Promise<void> {
  let isFirst = true;
  for (let position: number | undefined = 0; position !== undefined;) {
    await reader.read(position);
    const deferred = await blocks.write(env.signal, async (meta) => {
      if (switches.has('quiet')) return;
      env.progress.end();
      const block = { meta, dir: `${parentDir}/${meta.ulid}` };
      const row = await blockRow(env.fs, block, switches.has('human-readable'));
      env.out.text(formatTable(isFirst ? [BLOCK_HEADER, row] : [row]));
      isFirst = false;
      await env.out.flush();
    });
    position = deferred?.position;
  }
}

/** As promtool, which leaves them out without a word. */
function warnSkipped({ conflicts, outOfOrder }: SkippedSamples, env: ToolEnvironment): void {
  if (conflicts + outOfOrder === 0) return;
  env.progress.end();
  env.logger.warn(
    `${conflicts + outOfOrder} samples were left out: ${conflicts} with another value at a time that ` +
      `their series has already, ${outOfOrder} older than one before; --strict names the first`,
  );
}

/** The longest of Prometheus' ranges that is not longer. */
function compatibleRange(maxMs: number): number {
  let rangeMs = BLOCK_RANGE_MS;
  for (let i = 1; i < RANGES && rangeMs * RANGE_FACTOR <= maxMs; i++) rangeMs *= RANGE_FACTOR;
  return rangeMs;
}

function parseLabel(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals <= 0) throw usageError(`--label wants NAME=VALUE, not ${text}`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

interface TextImportOptions {
  readonly file: File;
  readonly path: string;
  readonly blocks: BlockImport;
  /** Labels that all series get. */
  readonly extra: ReadonlyMap<string, string>;
  /** Whether a sample that is not taken ends the import. */
  readonly isStrict: boolean;
  readonly env: ToolEnvironment;
}

/** Brings the samples of an OpenMetrics file into blocks. */
class TextImport {
  readonly #options: TextImportOptions;
  readonly #known = new KnownSeries();
  readonly #float = new DataView(new ArrayBuffer(8));
  /** The entry of the last sample; -1 before the first. */
  #last = -1;
  #samples = 0;

  constructor(options: TextImportOptions) {
    this.#options = options;
  }

  /** Reads the text from `start`, where a line begins, to its end. */
  async read(start: number): Promise<void> {
    const { file, env, blocks } = this.#options;
    const sizeBytes = await file.size();
    const windows = new LineWindows(file, sizeBytes, start);
    this.#last = -1;
    try {
      // An empty text lacks its end, which is the parser's to say.
      while ((await windows.next()) || sizeBytes === 0) {
        env.signal.throwIfAborted();
        if (await this.#take(windows)) return;
        blocks.limitMemory();
        env.progress.update(() => {
          const percent = Math.floor((100 * windows.position) / sizeBytes);
          return `${percent} %, ${this.#samples} samples`;
        });
      }
    } finally {
      await windows.settle();
    }
  }

  /** Whether the text has come to its end. */
  async #take(windows: LineWindows): Promise<boolean> {
    try {
      return this.#parse(windows);
    } catch (error) {
      throw await this.#located(error, windows.position);
    }
  }

  #parse({ lines, position, isLast }: LineWindows): boolean {
    const known = this.#known;
    const parser = new OpenMetricsParser(lines);
    for (;;) {
      const last = this.#last;
      const expected = last < 0 ? -1 : known.follower(last);
      if (
        expected >= 0 &&
        parser.nextKnown(known.texts, known.start(expected), known.end(expected))
      ) {
        this.#last = expected;
      } else {
        if (parser.entryEnd === lines.length && !isLast) return false;
        const entry = parser.next();
        if (entry === END) {
          if (isLast) return true;
          throw parser.errorAtSample('ERR_EXPOSITION', 'something follows "# EOF"');
        }
        if (entry !== SAMPLE) continue;
        this.#last = this.#entryOf(parser, lines);
        if (last >= 0) known.setFollower(last, this.#last);
      }
      this.#append(parser, position + parser.entryStart);
    }
  }

  #entryOf(parser: OpenMetricsParser, lines: Uint8Array): number {
    const { seriesStart, seriesEnd } = parser;
    const found = this.#known.find(lines, seriesStart, seriesEnd);
    if (found >= 0) return found;
    const series = this.#options.blocks.series(this.#labels(parser));
    return this.#known.add(lines, seriesStart, seriesEnd, series);
  }

  #labels(parser: OpenMetricsParser): Labels {
    const { extra } = this.#options;
    const pairs = parser.labelPairs();
    if (new Set(pairs.map(([name]) => name)).size < pairs.length) {
      throw parser.errorAtSample('ERR_EXPOSITION_LABELS', 'a label comes twice');
    }
    return makeLabels([...pairs.filter(([name]) => !extra.has(name)), ...extra]);
  }

  #append(parser: OpenMetricsParser, position: number): void {
    if (!parser.hasTimestamp) {
      throw parser.errorAtSample('ERR_EXPOSITION_TIMESTAMP', 'a sample has no timestamp');
    }
    const { value, timestampMs } = parser;
    const series = this.#known.number(this.#last);
    let hi = NORMAL_NAN_HI;
    let lo = NORMAL_NAN_LO;
    if (value === value) {
      this.#float.setFloat64(0, value);
      hi = this.#float.getInt32(0);
      lo = this.#float.getInt32(4);
    }
    const result = this.#options.blocks.append(series, timestampMs, hi, lo, position);
    this.#samples++;
    if (result === 'appended' || result === 'duplicate') return;
    if (result !== 'out_of_bounds' && !this.#options.isStrict) return;
    const reason = REFUSALS[result];
    throw parser.errorAtSample('ERR_EXPOSITION_TIMESTAMP', `a sample cannot be stored: ${reason}`);
  }

  /** Lines are counted from the beginning of the file, not of the window. */
  async #located(error: unknown, position: number): Promise<unknown> {
    const { file, path } = this.#options;
    if (!(error instanceof CodedError) || typeof error.details.line !== 'number') return error;
    const line = error.details.line + (await countLines(file, position));
    const message = error.message.replace(/^line \d+/, `line ${line}`);
    return new CodedError(codeOf(error) ?? '', message, { ...error.details, line, path });
  }
}

const REFUSALS = {
  conflict: 'its series has another value at the same time',
  out_of_order: 'its series has a later one already',
  out_of_bounds: 'its time is out of range',
} as const;
