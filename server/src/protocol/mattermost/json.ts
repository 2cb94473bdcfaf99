import { CodedError } from '../../base/errors.ts';

/** A JSON object out of text. Throws `ERR_MATTERMOST_JSON` for anything else. */
export function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Without the cause: it quotes the text, in which there are secrets.
    const sizeChars = text.length;
    throw new CodedError('ERR_MATTERMOST_JSON', 'the host sent malformed JSON', { sizeChars });
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
