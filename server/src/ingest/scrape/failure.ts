import { CodedError, describeError, hasCode } from '../../base/errors.ts';
import { redactText } from '../../base/redact.ts';
import { isForMetrics } from '../exposition/content-type.ts';

/** Characters of a content type that are shown. */
const CONTENT_TYPE_MAX = 60;

/** Codes of errors whose words, or what stands with them, are taken from the answer. */
const QUOTING = /^ERR_(EXPOSITION|SCRAPE_LABEL_LIMIT)/;

/**
 * Why a scrape failed, as one sentence for the person who looks at the panel.
 *
 * @param contentType of the answer, '' when there was none
 */
export function failureSentence(error: unknown, contentType = ''): string {
  if (!(error instanceof CodedError)) return describeError(error);
  const isExposition = error.code.startsWith('ERR_EXPOSITION');
  const { found } = error.details;
  let sentence = error.message;
  if (isExposition && found !== undefined) sentence += `, found ${String(found)}`;
  if (isExposition && !isForMetrics(contentType)) {
    sentence += `; the answer is ${contentType.slice(0, CONTENT_TYPE_MAX)}, not metrics`;
  }
  // Messages about HTTP say it all; what is behind them is for the log.
  const isPlain = error.cause === undefined || error.code.startsWith('ERR_HTTP');
  return redactText(isPlain ? sentence : `${sentence}: ${describeError(error.cause)}`);
}

/** The error without anything of an answer that is not for the eyes of whoever sees the error. */
export function withoutQuotes(error: unknown): unknown {
  if (!(error instanceof CodedError) || !QUOTING.test(error.code)) return error;
  const message =
    'what was answered are no metrics; it is not shown, because the target redirected to another ' +
    'address, or is a link-local one';
  return new CodedError(error.code, message);
}

/** Storage has not taken samples, which says nothing about the target that they are of. */
export function isStoreFault(error: unknown): boolean {
  return hasCode(error, 'ERR_SCRAPE_STORE');
}

/** What `commit` has thrown: a fault of storing, but for a target that takes more than its share. */
export function storeError(error: unknown): unknown {
  if (hasCode(error, 'ERR_HEAD_SHARE')) return error;
  return new CodedError('ERR_SCRAPE_STORE', 'the samples could not be stored', {}, error);
}
