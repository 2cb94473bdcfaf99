// A second reader of the text format, written for plainness with regular expressions over Latin-1
// text. It shares nothing with the real one, whose oracle it is.

interface NaiveSample {
  labels: Record<string, string>;
  value: number;
  timestampMs: number | undefined;
}

const SAMPLE_START = /^([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*/;
const QUOTED_METADATA = /^([ \t]*#[ \t]+(HELP|TYPE)[ \t]+)"(?:[^"\\]|\\[^\n])*"([^\n]*)/;
const QUOTED_NAME = /^"((?:[^"\\]|\\[^\n])*)"[ \t]*(?:,[ \t]*|(?=\}))/;
const LABEL =
  /^(?:([a-zA-Z_][a-zA-Z0-9_]*)|"((?:[^"\\]|\\[^\n])+)")[ \t]*=[ \t]*"((?:[^"\\]|\\[^\n])*)"[ \t]*,?[ \t]*/;
const REST = /^[ \t]*([^{ \t\n\0]+)[ \t]*(?:([0-9]+)[ \t]*)?(?:\n|$)/;
const METADATA = /^[ \t]*#[ \t]+(HELP|TYPE)[ \t]+([^]*)$/;
const DECIMAL = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/;

/**
 * The samples of `bytes`, or undefined where Prometheus would refuse the body. Its parser lets a label
 * name pass that stands twice in a series; its scraper does not (`refuseDuplicates`).
 */
export function naiveParse(bytes: Uint8Array, refuseDuplicates = false): NaiveSample[] | undefined {
  let rest = Buffer.from(bytes).toString('latin1');
  const samples: NaiveSample[] = [];
  while (rest !== '') {
    const lineEnd = rest.indexOf('\n');
    const line = lineEnd < 0 ? rest : rest.slice(0, lineEnd);
    if (/^[ \t]*(#|$)/.test(line)) {
      const quoted = QUOTED_METADATA.exec(rest);
      // A quoted name may hold line ends.
      const isGood = quoted === null ? isGoodComment(line) : isGoodText(quoted[2], quoted[3]);
      if (!isGood) return undefined;
      rest = rest.slice((quoted === null ? line : quoted[0]).length + 1);
      continue;
    }
    const sample = takeSample(rest);
    if (sample === undefined || (refuseDuplicates && sample.hasDuplicate)) return undefined;
    samples.push(sample.sample);
    rest = sample.rest;
  }
  return samples;
}

function isGoodComment(line: string): boolean {
  const metadata = METADATA.exec(line);
  if (metadata === null) return true;
  const [, word, tail] = metadata;
  const name = SAMPLE_START.exec(tail);
  if (name === null) return false;
  return isGoodText(word, tail.slice(name[1].length));
}

/** `text` is what stands behind the name, the blank between them included. */
function isGoodText(word: string, text: string): boolean {
  if (word === 'HELP') return text.trim() === '' || utf8(text.slice(1)) !== undefined;
  return ['counter', 'gauge', 'histogram', 'summary', 'untyped'].includes(text.slice(1));
}

function takeSample(
  text: string,
): { sample: NaiveSample; rest: string; hasDuplicate: boolean } | undefined {
  const start = SAMPLE_START.exec(text);
  if (start === null && !/^[ \t]*\{/.test(text)) return undefined;
  const labels: Record<string, string> = {};
  if (start !== null) labels['__name__'] = start[1];
  let hasName = start !== null;
  let hasDuplicate = false;
  let rest = start === null ? text.replace(/^[ \t]+/, '') : text.slice(start[0].length);
  if (rest.startsWith('{')) {
    rest = rest.slice(1).replace(/^[ \t]+/, '');
    for (;;) {
      const label = LABEL.exec(rest);
      const name = QUOTED_NAME.exec(rest);
      if (name !== null) {
        const value = unescaped(name[1]);
        if (hasName || value === undefined || value === '') return undefined;
        if ('__name__' in labels) hasDuplicate = true;
        hasName = true;
        labels['__name__'] = value;
        rest = rest.slice(name[0].length);
      } else if (label !== null) {
        const key = label[1] ?? unescaped(label[2]);
        const value = unescaped(label[3]);
        if (key === undefined || value === undefined) return undefined;
        if (key in labels) hasDuplicate = true;
        labels[key] = value;
        rest = rest.slice(label[0].length);
      } else {
        break;
      }
    }
    if (!hasName || !rest.startsWith('}')) return undefined;
    rest = rest.slice(1);
  }
  const tail = REST.exec(rest);
  const value = tail === null ? undefined : goFloat(tail[1]);
  if (tail === null || value === undefined) return undefined;
  let timestampMs: number | undefined;
  if (tail[2] !== undefined) {
    if (BigInt(tail[2]) >= 1n << 63n) return undefined;
    timestampMs = Math.min(Number(tail[2]), Number.MAX_SAFE_INTEGER);
  }
  const sample = { labels, value, timestampMs };
  return { sample, rest: rest.slice(tail[0].length), hasDuplicate };
}

function unescaped(latin1: string): string | undefined {
  const text = utf8(latin1);
  return text?.replace(/\\([\\"n])/g, (_, char) => (char === 'n' ? '\n' : char));
}

function goFloat(text: string): number | undefined {
  if (/^nan$/i.test(text)) return NaN;
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (!DECIMAL.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function utf8(latin1: string): string | undefined {
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return decoder.decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return undefined;
  }
}
