import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CodedError } from '../../base/errors.ts';
import { ACCEPT, expositionFormat } from './content-type.ts';

test('the format follows the content type; text is what is left', () => {
  const cases: [string, 'text' | 'openmetrics'][] = [
    ['', 'text'],
    ['text/plain; version=0.0.4', 'text'],
    ['text/plain; version=1.0.0; escaping=allow-utf-8', 'text'],
    ['application/json', 'text'],
    ['application/openmetrics-text', 'openmetrics'],
    ['Application/OpenMetrics-Text; version=1.0.0; charset=utf-8', 'openmetrics'],
    ['application/openmetrics-text;version="0.0.1"', 'openmetrics'],
  ];
  for (const [contentType, format] of cases) assert.equal(expositionFormat(contentType), format);
});

test('formats that nobody asked for are refused', () => {
  for (const contentType of [
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily',
    'application/openmetrics-text; version=2.0.0',
  ]) {
    assert.throws(
      () => expositionFormat(contentType),
      (error) => error instanceof CodedError && error.code === 'ERR_EXPOSITION_CONTENT_TYPE',
    );
  }
});

test('OpenMetrics is preferred, then text, then anything', () => {
  const weights = ACCEPT.split(',').map((part) => Number(/;q=([\d.]+)$/.exec(part)?.[1]));
  assert.deepEqual(weights, [0.7, 0.6, 0.5, 0.4, 0.3]);
  assert.match(
    ACCEPT,
    /^application\/openmetrics-text;version=1\.0\.0;escaping=allow-utf-8;q=0\.7,/,
  );
});
