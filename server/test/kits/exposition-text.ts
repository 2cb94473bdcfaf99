import type { Random } from './random.ts';

const NAMES = ['up', 'a', ':x:y', 'go_gc_duration_seconds', 'http_requests_total', '_'];
const LABELS = ['a', 'le', 'quantile', 'job', 'instance', '__x'];
const VALUES = [
  '',
  'x',
  '0.5',
  '+Inf',
  'ż',
  '🦔',
  '\\\\',
  '\\"',
  '\\n',
  '\\q',
  '}',
  '{',
  ',',
  '=',
  '#',
  '\n',
];
const NUMBERS = [
  '0',
  '1',
  '-1',
  '12.5',
  '1e5',
  'NaN',
  '+Inf',
  '-Inf',
  '0.1',
  '123456789012345678',
  '.5',
  '5.',
];
const BLANKS = ['', '', '', ' ', '\t', '  '];
const NOISE = [
  '\n',
  ' ',
  '"',
  '{',
  '}',
  ',',
  '=',
  '#',
  '\\',
  'x',
  '1',
  '\r',
  '\0',
  '\xff',
  '\xc3',
  'HELP',
  '1e400',
  '_',
];

/** Exposition text (Latin-1 text of UTF-8 bytes) that is mostly good, with everything allowed in it. */
export function randomExposition(random: Random): Uint8Array {
  let text = '';
  for (let lines = random.int(8); lines > 0; lines--) text += randomLine(random);
  if (random.int(4) === 0) text = text.slice(0, -1);
  const bytes = Buffer.from(text, 'utf8');
  return random.int(2) === 0 ? bytes : damage(bytes, random);
}

function randomLine(random: Random): string {
  const kind = random.int(10);
  if (kind === 0) return `${random.pick(BLANKS)}\n`;
  if (kind === 1) return `${random.pick(BLANKS)}#${random.pick(BLANKS)}${random.pick(VALUES)}x\n`;
  if (kind === 2) return `# HELP ${random.pick([...NAMES, '"a b"'])} ${random.pick(VALUES)}\n`;
  if (kind === 3)
    return `# TYPE ${random.pick(NAMES)} ${random.pick(['counter', 'gauge', 'untyped'])}\n`;
  const stamp =
    random.int(4) === 0 ? ` ${random.pick(BLANKS)}${random.int(1e9)}${random.int(1e9)}` : '';
  return `${randomSeries(random)} ${random.pick(NUMBERS)}${stamp}${random.pick(BLANKS)}\n`;
}

function randomSeries(random: Random): string {
  const name = random.pick(NAMES);
  if (random.int(4) === 0) return name;
  const isQuoted = random.int(6) === 0;
  let text = isQuoted ? '{' : `${name}${random.pick(BLANKS)}{${random.pick(BLANKS)}`;
  if (isQuoted) text += `"${name}${random.pick(VALUES)}"${random.pick([',', ', ', ''])}`;
  for (let count = random.int(4); count > 0; count--) {
    const value = random.pick(VALUES) + random.pick(VALUES);
    const quote = random.int(12) === 0 ? '"' : '';
    text += `${quote}${random.pick(LABELS)}${quote}=${random.pick(BLANKS)}"${value}"`;
    text += random.pick([',', ',', ', ', ' ,', ' ', '']);
  }
  return `${text}}`;
}

const TYPES = ['counter', 'gauge', 'info', 'stateset', 'unknown', 'gaugehistogram'];
const TIMES = ['1', '-1.5', '1600000000.123', '1e3', '0', '1e300', '1600000000', 'NaN'];

/** The same of OpenMetrics text. */
export function randomOpenMetrics(random: Random): Uint8Array {
  let text = '';
  for (let lines = random.int(8); lines > 0; lines--) text += openMetricsLine(random);
  text += random.pick(['# EOF\n', '# EOF\n', '# EOF\n', '# EOF', '', '# EOF\n\n', '# EOF\na 1\n']);
  const bytes = Buffer.from(text, 'utf8');
  return random.int(2) === 0 ? bytes : damage(bytes, random);
}

function openMetricsLine(random: Random): string {
  const kind = random.int(12);
  const strict = VALUES.filter((value) => value !== '\n');
  const name = random.pick(random.int(8) === 0 ? ['"a b"', '"x_seconds"'] : NAMES);
  if (kind === 0) return `# HELP ${name} ${random.pick(strict)}\n`;
  if (kind === 1) return `# TYPE ${name} ${random.pick(TYPES)}\n`;
  if (kind === 2) return `# UNIT ${name} ${random.pick(['', '', 'seconds', 'total'])}\n`;
  const time = random.int(4) === 0 ? ` ${random.pick(TIMES)}` : '';
  const exemplarTime = random.int(3) === 0 ? ` ${random.pick(TIMES)}` : '';
  const exemplar =
    random.int(5) === 0
      ? ` # ${strictLabels(random, '')} ${random.pick(NUMBERS)}${exemplarTime}`
      : '';
  const series = random.int(4) === 0 ? name : strictLabels(random, name);
  return `${series} ${random.pick(NUMBERS)}${time}${exemplar}\n`;
}

/** `name{…}`, or `{"name",…}` now and then. */
function strictLabels(random: Random, name: string): string {
  const isQuoted = name !== '' && random.int(6) === 0;
  const parts = isQuoted ? [`"${name}${random.pick(VALUES)}"`] : [];
  for (let count = random.int(4); count > 0; count--) {
    const quote = random.int(8) === 0 ? '"' : '';
    const value = random.pick(VALUES);
    parts.push(
      `${quote}${random.pick(LABELS)}${quote}="${value === '\n' && random.int(4) > 0 ? '' : value}"`,
    );
  }
  return `${isQuoted ? '' : name}{${parts.join(',')}${random.pick(['', '', '', '', '', ',', ',', ' '])}}`;
}

/** Some bytes changed, cut out, put in or doubled. */
function damage(bytes: Uint8Array, random: Random): Uint8Array {
  const text = [Buffer.from(bytes).toString('latin1')];
  for (let times = 1 + random.int(3); times > 0; times--) {
    const at = random.int(text[0].length + 1);
    const length = random.int(3);
    text[0] = text[0].slice(0, at) + random.pick(NOISE) + text[0].slice(at + length);
  }
  return Buffer.from(text[0], 'latin1');
}
