import { CodedError } from '../../base/errors.ts';

/** A JSON object out of text. Throws `ERR_MATTERMOST_JSON` for anything else. */
export function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CodedError('ERR_MATTERMOST_JSON', 'the host sent malformed JSON', {}, error);
  }
  // A plugin without a configuration has null.
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new CodedError('ERR_MATTERMOST_JSON', 'the host sent no JSON object', {
      found: Array.isArray(value) ? 'array' : typeof value,
    });
  }
  return Object.fromEntries(Object.entries(value));
}
