import assert from 'node:assert/strict';
import http from 'node:http';
import { Duplex } from 'node:stream';
import { test } from 'node:test';

import { Random, fuzzMs, fuzzSeed } from '../../test/kits/random.ts';
import { CodedError } from '../base/errors.ts';
import { AnswerReader } from './http-answer.ts';

interface Read {
  status: number;
  type: string;
  body: string;
  mayReuse: boolean;
}

/** What a reader makes of the pieces and the end of the connection; the message of its error. */
function read(pieces: readonly Buffer[]): Read | string {
  const found: Read = { status: -1, type: '', body: '', mayReuse: false };
  let ends = 0;
  const reader = new AnswerReader({
    onHead({ status, fields }) {
      assert.equal(found.status, -1, 'one head');
      found.status = status;
      found.type = fields.get('content-type') ?? '';
    },
    onBody(bytes) {
      assert.ok(bytes.length > 0 && found.status >= 0 && ends === 0);
      found.body += bytes.toString('latin1');
    },
    onEnd: () => ends++,
  });
  try {
    for (const piece of pieces) {
      if (ends === 0) reader.push(piece);
    }
    if (ends === 0) reader.end();
  } catch (error) {
    if (error instanceof CodedError && error.code === 'ERR_HTTP') return error.message;
    throw error;
  }
  assert.equal(ends, 1);
  return { ...found, mayReuse: reader.mayReuse };
}

function readWhole(text: string): Read | string {
  const bytes = Buffer.from(text, 'latin1');
  const byByte = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
  const whole = read([bytes]);
  const { body } = typeof whole === 'string' ? { body: '' } : whole;
  // Byte by byte nothing can follow the end, since nobody reads on.
  if (body !== 'extra') assert.deepEqual(read(byByte), whole);
  return whole;
}

const OK = 'HTTP/1.1 200 OK\r\n';
const GOOD: [title: string, text: string, expected: Partial<Read>][] = [
  ['a length', `${OK}Content-Length: 3\r\n\r\nabc`, { body: 'abc', mayReuse: true }],
  ['no body', `${OK}content-length:0\r\n\r\n`, { body: '', mayReuse: true }],
  ['a length twice', `${OK}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, { body: 'abc' }],
  ['the end of the connection', `${OK}\r\nab\ncd`, { body: 'ab\ncd', mayReuse: false }],
  [
    'more than was asked for',
    `${OK}Content-Length: 5\r\n\r\nextra!`,
    { body: 'extra', mayReuse: false },
  ],
  [
    'chunks',
    `${OK}Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n00A;x="y"\r\n0123456789\r\n0\r\n\r\n`,
    { body: 'abc0123456789', mayReuse: true },
  ],
  [
    'a trailer',
    `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n`,
    { body: 'a', mayReuse: true },
  ],
  [
    'chunks before a length',
    `${OK}Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`,
    { body: 'a' },
  ],
  [
    'a lone LF',
    'HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 1\n\na',
    { body: 'a', type: 'text/plain' },
  ],
  ['no reason', 'HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na', { body: 'a', mayReuse: true }],
  ['version 1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na', { body: 'a', mayReuse: false }],
  [
    'version 1.0 that is kept',
    'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na',
    { body: 'a', mayReuse: true },
  ],
  [
    'version 1.0 has no chunks',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na',
    { body: '1\r\na' },
  ],
  [
    'the wish to close',
    `${OK}Connection: x, Close\r\nContent-Length: 1\r\n\r\na`,
    { body: 'a', mayReuse: false },
  ],
  [
    'what comes before the answer',
    `HTTP/1.1 103 Hints\r\nX: y\r\n\r\n${OK}Content-Length: 1\r\n\r\na`,
    { body: 'a' },
  ],
  [
    'a folded field',
    `${OK}Content-Type: a;\r\n  b=c\r\nContent-Length: 1\r\n\r\na`,
    { type: 'a; b=c' },
  ],
  [
    'a field twice',
    `${OK}Content-Type: a\r\nContent-Type: b\r\n c\r\nContent-Length: 1\r\n\r\na`,
    { type: 'a' },
  ],
  [
    'a status without a body',
    'HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n',
    { status: 204, body: '' },
  ],
  // What Go's client takes beyond the standard.
  [
    'version 2.0 in the form of version 1',
    'HTTP/2.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
    { body: 'a', mayReuse: true },
  ],
  ['version 2.0 without a length', 'HTTP/2.0 200 OK\r\n\r\na', { body: 'a', mayReuse: false }],
  [
    'version 0.9',
    'HTTP/0.9 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na',
    { body: 'a', mayReuse: false },
  ],
  ['more blanks', 'HTTP/1.1   200\r\nContent-Length: 1\r\n\r\na', { body: 'a', status: 200 }],
  ['a CR in its reason', 'HTTP/1.1 200 O\rK\r\nContent-Length: 1\r\n\r\na', { body: 'a' }],
  ['a field without a name', `${OK}: x\r\n y\r\nContent-Length: 1\r\n\r\na`, { body: 'a' }],
  [
    'names that are none',
    `${OK}X\xe9(x) y: z\r\n\x00\x7f: 1\r\nContent-Length: 1\r\n\r\na`,
    { body: 'a' },
  ],
  [
    'headers of almost a megabyte',
    `${OK}${'X-Long: yes\r\n'.repeat(40_000)}X: ${'x'.repeat(500_000)}\r\nContent-Length: 1\r\n\r\na`,
    { body: 'a' },
  ],
  [
    'a status that means nothing',
    'HTTP/1.1 000 No\r\nContent-Length: 1\r\n\r\na',
    { status: 0, body: 'a' },
  ],
];

for (const [title, text, expected] of GOOD) {
  test(`reads an answer with ${title}`, () => {
    const found = readWhole(text);
    if (typeof found === 'string') assert.fail(found);
    assert.deepEqual({ ...found, ...expected }, found);
  });
}

const NOT_HTTP = 'the answer is not HTTP';
const CUT = 'the connection was closed before the answer was complete';
const ENCODING = 'answered in a transfer encoding that is not known';
const LARGE = 'the headers of the answer are too large';
const BAD: [title: string, text: string, message: string][] = [
  ['nothing', '', CUT],
  ['half a status line', 'HTTP/1.1 20', CUT],
  ['half a head', `${OK}Content-Length: 3\r\n`, CUT],
  ['half a body', `${OK}Content-Length: 3\r\n\r\nab`, CUT],
  ['half a chunk', `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nab`, CUT],
  ['no last chunk', `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n`, CUT],
  ['no end of the trailer', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n`, CUT],
  ['another protocol', 'SSH-2.0-x\r\n', NOT_HTTP],
  ['the beginning of another protocol', 'HTTQ', NOT_HTTP],
  ['a version that is none', 'HTTP/1.10 200 OK\r\n\r\n', NOT_HTTP],
  ['a status without a number', 'HTTP/1.1  OK\r\n\r\n', NOT_HTTP],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', NOT_HTTP],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', NOT_HTTP],
  ['a field without a colon', `${OK}Content-Length\r\n\r\n`, NOT_HTTP],
  ['a field that continues none', `${OK} x: 3\r\n\r\n`, NOT_HTTP],
  ['two lengths', `${OK}Content-Length: 3, 4\r\n\r\nabc`, NOT_HTTP],
  ['a negative length', `${OK}Content-Length: -3\r\n\r\nabc`, NOT_HTTP],
  ['a length beyond all', `${OK}Content-Length: 9999999999999999\r\n\r\nabc`, NOT_HTTP],
  ['a chunk of no size', `${OK}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, NOT_HTTP],
  [
    'a chunk that is longer than it says',
    `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n`,
    NOT_HTTP,
  ],
  ['a switch to another protocol', 'HTTP/1.1 101 No\r\nUpgrade: x\r\n\r\n', CUT],
  ['an unknown transfer encoding', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`, ENCODING],
  [
    'an encoding with a blank that is none',
    `${OK}Transfer-Encoding: \xa0chunked\r\n\r\n`,
    ENCODING,
  ],
  ['endless fields', `${OK}${'X-Long: yes\r\n'.repeat(90_000)}`, LARGE],
  ['an endless status', `HTTP/1.1 200 ${'x'.repeat(1_100_000)}`, LARGE],
  ['endless answers before the answer', 'HTTP/1.1 100 Go on\r\n\r\n'.repeat(60_000), LARGE],
  [
    'an endless chunk line',
    `${OK}Transfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(5000)}`,
    NOT_HTTP,
  ],
  [
    'an endless trailer',
    `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n${'X: y\r\n'.repeat(12_000)}`,
    NOT_HTTP,
  ],
];

for (const [title, text, message] of BAD) {
  test(`refuses ${title}`, () => assert.equal(readWhole(text), message));
}

/** The same by Node's own client; undefined when it refuses the answer. */
function readByNode(bytes: Buffer): Promise<Omit<Read, 'mayReuse'> | undefined> {
  return new Promise((resolve) => {
    const connection = new Duplex({
      read() {},
      write(_chunk, _encoding, done) {
        this.push(bytes);
        this.push(null);
        done();
      },
    });
    let hasAnswer = false;
    const request = http.get({ createConnection: () => connection });
    request.on('error', () => resolve(undefined));
    request.on('close', () => {
      if (!hasAnswer) resolve(undefined);
    });
    request.on('response', (answer) => {
      hasAnswer = true;
      let body = '';
      answer
        .on('error', () => {})
        .on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
      answer.on('close', () => {
        const { statusCode: status = 0, headers } = answer;
        resolve(
          answer.complete ? { status, type: headers['content-type'] ?? '', body } : undefined,
        );
      });
    });
  });
}

function randomAnswer(random: Random): Buffer {
  const body = Array.from({ length: random.int(60) }, () =>
    random.pick([...'ab\r\n0;: {}"\xff']),
  ).join('');
  const fields: string[] = [];
  for (let left = random.int(4); left > 0; left--) {
    const name = random.pick(['Content-Type', 'content-type', 'X-Y', 'Connection', 'Date']);
    fields.push(
      `${name}:${random.pick(['', ' '])}${random.pick(['close', 'a/b; c=d', 'keep-alive', ''])}`,
    );
  }
  let framed = body;
  const framing = random.pick(['length', 'chunked', 'close'] as const);
  if (framing === 'length') fields.push(`Content-Length: ${body.length}`);
  if (framing === 'chunked') {
    fields.push(`Transfer-Encoding: ${random.pick(['chunked', 'Chunked'])}`);
    framed = '';
    for (let at = 0; at < body.length;) {
      const size = 1 + random.int(body.length - at);
      const extension = random.pick(['', '', ';a=b', ';c']);
      framed += `${size.toString(16)}${extension}\r\n${body.slice(at, at + size)}\r\n`;
      at += size;
    }
    framed += `0\r\n${random.pick(['', 'X-Z: 1\r\n'])}\r\n`;
  }
  const status = random.pick([
    '200 OK',
    '200 OK',
    '200',
    '302 Found',
    '503 No',
    '204 No',
    '103 Soon',
    '101 No',
  ]);
  const version = random.pick(['1.1', '1.1', '1.0']);
  const text = [`HTTP/${version} ${status}`, ...fields, '', framed].join('\r\n');
  return Buffer.from(text, 'latin1');
}

/** Changes, leaves out or repeats a byte, or cuts the rest off. */
function damaged(bytes: Buffer, random: Random): Buffer {
  const at = random.int(bytes.length);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + 1)];
  const byte = random.pick([Buffer.from([random.int(256)]), bytes.subarray(at, at + 1)]);
  return Buffer.concat(
    random.pick([[before], [before, after], [before, byte, after], [before, byte, byte, after]]),
  );
}

/**
 * What node:http reads in another way than Go and we do: chunks before version 1.1, odd encodings, other
 * protocols.
 */
function isForNodeAlone(answer: string, ours: Read | string): boolean {
  if (/^HTTP\/(1\.0|0\.\d)[^]*\ntransfer-encoding/i.test(answer)) return true;
  return /^HTTP\/\d\.\d +101/.test(answer) || ours === ENCODING;
}

const COMPARED_MIN = 50;

test('agrees with node:http about answers that it takes, whole or in pieces, and never breaks', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`FUZZ_SEED=${seed}`);
  const random = new Random(seed);
  const untilMs = Date.now() + fuzzMs(1000);
  let compared = 0;
  // However little time a busy machine has for it.
  while (Date.now() < untilMs || compared < COMPARED_MIN) {
    let bytes = randomAnswer(random);
    for (let left = random.pick([0, 0, 1, 3]); left > 0 && bytes.length > 0; left--) {
      bytes = damaged(bytes, random);
    }
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = 1 + random.int(bytes.length - at);
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    const ours = read(pieces);
    const theirs = await readByNode(bytes);
    const answer = bytes.toString('latin1');
    if (theirs === undefined || isForNodeAlone(answer, ours)) continue;
    compared++;
    const text = JSON.stringify(answer);
    if (typeof ours === 'string') assert.fail(`${ours}: ${text}`);
    const { status, type, body } = ours;
    assert.deepEqual({ status, type, body }, theirs, text);
  }
  t.diagnostic(`${compared} answers were compared`);
});
