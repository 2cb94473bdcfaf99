/**
 * The newest version among `published` with the major number of `pinned`; `pinned` itself when there
 * is no newer one. Versions that are not three plain numbers (releases to try out) don't count.
 */
export function newestOfLine(pinned: string, published: readonly string[]): string {
  const line = `${pinned.split('.')[0] ?? ''}.`;
  return published
    .filter((version) => version.startsWith(line) && /^\d+\.\d+\.\d+$/.test(version))
    .reduce((newest, version) => (isNewer(version, newest) ? version : newest), pinned);
}

function isNewer(version: string, than: string): boolean {
  const left = version.split('.').map(Number);
  const right = than.split('.').map(Number);
  const at = left.findIndex((part, index) => part !== right[index]);
  return at >= 0 && (left[at] ?? 0) > (right[at] ?? 0);
}
