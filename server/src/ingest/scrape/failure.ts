import { CodedError, describeError } from '../../base/errors.ts';

/** Why a scrape failed, as one sentence for the person who looks at the panel. */
export function failureSentence(error: unknown): string {
  if (!(error instanceof CodedError)) return describeError(error);
  const found = error.code.startsWith('ERR_EXPOSITION') ? error.details.found : undefined;
  let sentence = error.message;
  if (found !== undefined) sentence += `, found ${String(found)}`;
  // Messages about HTTP say it all; what is behind them is for the log.
  const isPlain = error.cause === undefined || error.code.startsWith('ERR_HTTP');
  return isPlain ? sentence : `${sentence}: ${describeError(error.cause)}`;
}
