import type { ArchiveEntry } from '../../base/ports/archive.ts';

/** An entry whose first piece is on its way already. */
interface Begun {
  readonly entry: ArchiveEntry;
  readonly pieces: AsyncIterator<Uint8Array>;
  readonly first: Promise<IteratorResult<Uint8Array>>;
}

/**
 * The entries, each of which is begun while the one before is read: most files of a block are small,
 * and a bucket takes longer to answer than to send them.
 */
export async function* readAhead(entries: readonly ArchiveEntry[]): AsyncGenerator<ArchiveEntry> {
  let ahead = begin(entries[0]);
  let current: Begun | undefined;
  try {
    for (let i = 0; ahead !== undefined; i++) {
      const begun: Begun = ahead;
      current = begun;
      yield {
        ...begun.entry,
        open: () => {
          ahead = begin(entries[i + 1]);
          return rest(begun);
        },
      };
    }
  } finally {
    // Whoever opened the current one may not have begun to read it.
    await current?.pieces.return?.();
    await ahead?.pieces.return?.();
  }
}

function begin(entry: ArchiveEntry | undefined): Begun | undefined {
  if (entry === undefined) return undefined;
  const pieces = entry.open()[Symbol.asyncIterator]();
  const first = pieces.next();
  // Its failure is handled when it is the entry's turn.
  first.catch(() => undefined);
  return { entry, pieces, first };
}

async function* rest({ pieces, first }: Begun): AsyncGenerator<Uint8Array> {
  try {
    for (let next = await first; next.done !== true; next = await pieces.next()) yield next.value;
  } finally {
    await pieces.return?.();
  }
}
