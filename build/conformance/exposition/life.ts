import { gzipSync } from 'node:zlib';

import { type Answer, NEVER } from './side-by-side.ts';

const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** The scrape whose answer has a sample and then no proper end. */
export const HALF_READ_SCRAPE = 24;

const HALF_READ = '# TYPE a counter\na_total 2\n';

/** What an exporter may do to a scraper, one answer for each scrape. */
export function lifeOf(startMs: number, sampleLimit: number): Answer[] {
  return [
    '# HELP a Some text.\n# TYPE a counter\na 1\nb 1\n',
    'a 2\n',
    'a 3\nb 3\n',
    status(500),
    'a 4\nb 4\n',
    'garbage\na 5\nb 5\n',
    'a 6\nc{job="x",instance="y",exported_job="z"} 1\n',
    'd{x="1",y="2"} 1\n',
    'd{y="2", x="1"} 2\n',
    `e 1 ${startMs + 1000}\na 7\n`,
    'a 8\n',
    `e 2 ${startMs + 1001}\ne 3 ${startMs + 500}\na 9\n`,
    'f 1\nf 2\nf 1\n',
    '',
    'a NaN\nb +Inf\nf -0\n',
    Array.from({ length: sampleLimit + 1 }, (_, i) => `g{i="${i}"} 1\n`).join(''),
    gzipSync('a 10\nb 10\n'),
    NEVER,
    'a 11\nb{empty=""} 11\n',
    'a{l="1",l="2"} 12\n',
    status(404),
    status(404),
    'a 13',
    typed(OPENMETRICS, '# TYPE a counter\na_total 1 # {id="x"} 0.5 1.5\na_created 1.5\n# EOF\n'),
    typed(OPENMETRICS, HALF_READ),
    typed(OPENMETRICS, '# EOF\n'),
    typed(OPENMETRICS, `a 14\nh 1 ${startMs / 1000 + 5}\n# EOF`),
    typed('text/html', 'a 15\n'),
    typed('', 'a 16\n'),
    redirect('/elsewhere'),
    redirect('/metrics'),
    cutOff('a 17\nb 17\n', 6),
    packedAndCutOff('a 18\nb 18\n'),
    raw(Buffer.from('a{l="\xff"} 19\n', 'latin1')),
    Buffer.from('not packed at all'),
    (response) => void response.destroy(),
    'a 20\r\n',
    'a 0x15\n',
    'a 1_000\n',
    'i{l="\\\\ \\" \\n \\x"} 1\n  # TYPE  i   gauge\n\n\ti{} 2\n',
    `a 21 ${startMs + 24 * 60 * 60 * 1000}\nb 21\n`,
    '{} 1\n',
    'a 22\nup 7\nscrape_samples_scraped 9\n',
    'a 23\n',
  ];
}

/** Bytes as they are. */
function raw(body: Buffer): Answer {
  return (response) => response.end(body);
}

function status(code: number): Answer {
  return (response) => response.writeHead(code).end('x');
}

/** @param type '' for none */
function typed(type: string, body: string): Answer {
  const headers = type === '' ? {} : { 'Content-Type': type };
  return (response) => response.writeHead(200, headers).end(body);
}

function redirect(location: string): Answer {
  return (response) => response.writeHead(302, { Location: location }).end();
}

/** Ends the connection after some bytes of a body that is announced as longer. */
function cutOff(body: string, afterBytes: number): Answer {
  return (response) => {
    response.writeHead(200, { 'Content-Length': body.length });
    response.write(body.slice(0, afterBytes), () => response.destroy());
  };
}

function packedAndCutOff(body: string): Answer {
  const packed = gzipSync(body);
  return (response) =>
    response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(packed.subarray(0, -6));
}
