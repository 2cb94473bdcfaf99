import { CodedError, codeOf } from '../../base/errors.ts';

/** Nobody was there to answer: the port is closed, the host not known or out of reach. */
const SILENCE: ReadonlySet<string> = new Set([
  'ERR_HTTP_REFUSED',
  'ERR_HTTP_DNS',
  'ERR_HTTP_TIMEOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** Whether a scrape failed because nothing answered, rather than something wrong. */
export function isSilence(error: unknown): boolean {
  if (!(error instanceof CodedError)) return false;
  return SILENCE.has(error.code) || SILENCE.has(codeOf(error.cause) ?? '');
}
