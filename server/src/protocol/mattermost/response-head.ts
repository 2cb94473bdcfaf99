import type { HttpHeader } from './http-header.ts';

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  206: 'Partial Content',
  416: 'Range Not Satisfiable',
};

/** The head of a response on a connection of our own, of which it is the last. */
export function headText(status: number, header: HttpHeader): Uint8Array {
  const lines = [`HTTP/1.1 ${status} ${REASONS[status] ?? 'Status'}`];
  for (const [name, values] of header.entries()) {
    if (name === 'Connection' || name === 'Transfer-Encoding') continue;
    // A line break in a value would begin another field.
    for (const value of values) lines.push(`${name}: ${value.replaceAll(/[\r\n]/g, ' ')}`);
  }
  lines.push(`Date: ${new Date().toUTCString()}`, 'Connection: close', '', '');
  return new TextEncoder().encode(lines.join('\r\n'));
}
