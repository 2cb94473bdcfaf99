const LENGTH_MAX = 500;

/** Control characters, and those that change the direction of what follows. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/gu;
/** A sentence without anything that means something in Markdown, or becomes a link or a smiley by itself. */
const PROSE = /^(?!.*(?:www|x-d))\p{L}(?:[\p{L}\p{N} ,'"()%-]|[.:;?](?= |$)|\.(?=\p{N}))*$/iu;

/**
 * Text of others for a post, where it is shown as it is: nothing in it becomes an image, a link, a
 * mention or an emoji, nor ends a row of a table. Line ends become spaces; long texts are cut. What is
 * more than a sentence becomes a code span.
 */
export function literal(text: string): string {
  const line = text.replace(UNPRINTABLE, ' ').replaceAll(/\s+/g, ' ').trim();
  const shown = line.length > LENGTH_MAX ? `${line.slice(0, LENGTH_MAX)}…` : line;
  return shown === '' || PROSE.test(shown) ? shown : codeSpan(shown);
}

function codeSpan(text: string): string {
  // A bar ends a cell even in code unless it is escaped, by one backslash or another odd number.
  const escaped = text.replace(/(\\*)\|/g, (_, before: string) =>
    before.length % 2 === 0 ? `${before}\\|` : `${before}|`,
  );
  const longest = Math.max(0, ...(escaped.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  const pad = /^`|`$/.test(escaped) ? ' ' : '';
  return `${fence}${pad}${escaped}${pad}${fence}`;
}
