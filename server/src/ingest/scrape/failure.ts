import { CodedError, describeError } from '../../base/errors.ts';
import { isForMetrics } from '../exposition/content-type.ts';
import { redactText } from '../../base/redact.ts';

/** Characters of a content type that are shown. */
const CONTENT_TYPE_MAX = 60;

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
