import assert from 'node:assert/strict';
import { test } from 'node:test';

import { END, COMMENT, SAMPLE } from '../exposition/entries.ts';
import { TextParser } from '../exposition/text-parser.ts';
import { METADATA_BYTES_MAX, METADATA_TOTAL_BYTES_MAX } from '../limits.ts';
import { Metadata, MetadataMemory } from './metadata.ts';
import type { MetricMetadata } from './metadata.ts';

/** Scrapes `text`; returns how many entries had to be read. */
function scrape(metadata: Metadata, text: string): number {
  const body = new TextEncoder().encode(text);
  const parser = new TextParser(body);
  metadata.begin('text');
  for (let read = 0; ;) {
    if (metadata.skipKnown(parser)) continue;
    const kind = parser.next();
    if (kind === END) {
      metadata.end();
      return read;
    }
    if (kind === SAMPLE || kind === COMMENT) continue;
    read++;
    metadata.add(body, parser);
  }
}

function collected(...all: Metadata[]): Record<string, MetricMetadata[]> {
  const found = new Map<string, MetricMetadata[]>();
  for (const metadata of all) metadata.collect(found);
  return Object.fromEntries(found);
}

const gauge = (help: string): MetricMetadata => ({ type: 'gauge', help, unit: '' });

test('what stays the same is not read again; what goes is forgotten', () => {
  const metadata = new Metadata(new MetadataMemory());
  const text = '# HELP a One.\n# TYPE a gauge\na 1\n# HELP b Two.\n# TYPE b gauge\nb 1\n';
  assert.equal(scrape(metadata, text), 4);
  assert.equal(scrape(metadata, text), 0);
  assert.deepEqual(collected(metadata), { a: [gauge('One.')], b: [gauge('Two.')] });
  assert.equal(scrape(metadata, text.replace('Two.', 'Changed.')), 2);
  assert.deepEqual(collected(metadata), { a: [gauge('One.')], b: [gauge('Changed.')] });
  scrape(metadata, 'x 1\n# TYPE a gauge\n');
  assert.deepEqual(collected(metadata), { a: [gauge('')] });
});

test('targets that say different things are all heard, equal ones once', () => {
  const memory = new MetadataMemory();
  const all = ['# TYPE a gauge\n', '# TYPE a gauge\n', '# TYPE a counter\n'].map((text) => {
    const metadata = new Metadata(memory);
    scrape(metadata, text);
    return metadata;
  });
  const counter = { type: 'counter', help: '', unit: '' };
  assert.deepEqual(collected(...all), { a: [gauge(''), counter] });
});

test('memory is bounded for one target and for all, and comes back', () => {
  const memory = new MetadataMemory();
  const line = `# HELP a ${'x'.repeat(65_000)}\n`;
  const huge = line.repeat(2 + METADATA_BYTES_MAX / line.length);
  const count = METADATA_TOTAL_BYTES_MAX / METADATA_BYTES_MAX;
  const all = Array.from({ length: count }, () => new Metadata(memory));
  for (const metadata of all) scrape(metadata, huge);
  const last = new Metadata(memory);
  scrape(last, '# TYPE b gauge\n');
  assert.deepEqual(collected(last), {});
  all[0].close();
  scrape(last, '# TYPE b gauge\n');
  assert.deepEqual(collected(last), { b: [gauge('')] });
});
