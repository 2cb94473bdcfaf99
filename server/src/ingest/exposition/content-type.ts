import { CodedError } from '../../base/errors.ts';
import type { ExpositionParser } from './entries.ts';
import { OpenMetricsParser } from './openmetrics-parser.ts';
import { TextParser } from './text-parser.ts';

/**
 * What we ask for, word for word what Prometheus 3.16 asks for by default: OpenMetrics first, then
 * text, names of any UTF-8 text unescaped, and whatever else an exporter has as the last resort.
 */
export const ACCEPT = [
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.7',
  'application/openmetrics-text;version=0.0.1;q=0.6',
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5',
  'text/plain;version=0.0.4;q=0.4',
  '*/*;q=0.3',
].join(',');

export type ExpositionFormat = 'text' | 'openmetrics';

/**
 * The format that a content type names. A missing, malformed or unknown one means text, as in
 * Prometheus 2.x: many exporters send none. Throws for protobuf, and for an OpenMetrics that nobody
 * has asked for.
 */
export function expositionFormat(contentType: string): ExpositionFormat {
  const [mediaType, ...parameters] = contentType
    .split(';')
    .map((part) => part.trim().toLowerCase());
  if (mediaType === 'application/openmetrics-text') {
    const version = parameters.find((parameter) => parameter.startsWith('version='));
    if (!/^version="?2\./.test(version ?? '')) return 'openmetrics';
    throw unasked('OpenMetrics 2', contentType);
  }
  if (mediaType === 'application/vnd.google.protobuf') throw unasked('protobuf', contentType);
  return 'text';
}

/** Whether metrics are expected under this content type; many exporters send none. */
export function isForMetrics(contentType: string): boolean {
  return /^\s*($|text\/plain|application\/openmetrics-text)/i.test(contentType);
}

export function expositionParser(format: ExpositionFormat, bytes: Uint8Array): ExpositionParser {
  return format === 'openmetrics' ? new OpenMetricsParser(bytes) : new TextParser(bytes);
}

function unasked(format: string, contentType: string): CodedError {
  const message = `answered in the ${format} format, which was not asked for`;
  return new CodedError('ERR_EXPOSITION_CONTENT_TYPE', message, { contentType });
}
