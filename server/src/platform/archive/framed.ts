import { constants, Stats } from 'node:fs';
import { Readable } from 'node:stream';
import type { TarArchive, ZipArchive } from 'archiver';

import { assert } from '../../base/errors.ts';
import type { ArchiveEntry } from '../../base/ports/archive.ts';
import { exactly } from './entry.ts';
import { PieceMemory } from './piece-memory.ts';

const FILE_MODE = 0o644;

/** What the npm package archiver makes; all of it works alike. */
export type Archive = TarArchive | ZipArchive;

/**
 * The entries as `archive` frames them. A piece is valid until the next one is pulled.
 *
 * archiver throws where nobody can catch it when a source fails or the archive is destroyed halfway.
 * So neither happens: what has failed is told here, and the archive is left alone, to be collected.
 */
export async function* framed(
  archive: Archive,
  entries: AsyncIterable<ArchiveEntry>,
): AsyncGenerator<Uint8Array> {
  const memory = new PieceMemory();
  const feeder = new Feeder(archive, memory);
  const output = new Output(archive);
  const feeding = feeder.feed(entries).catch((error: unknown) => output.fail(error));
  try {
    for (let piece = await output.next(); piece !== undefined; piece = await output.next()) {
      yield piece;
      memory.giveBack(piece);
    }
  } finally {
    feeder.stop();
    await feeding;
  }
}

/** Appends the entries one after another, so that one source is open at a time. */
class Feeder {
  readonly #archive: Archive;
  readonly #memory: PieceMemory;
  readonly #stop = new AbortController();

  constructor(archive: Archive, memory: PieceMemory) {
    this.#archive = archive;
    this.#memory = memory;
  }

  async feed(entries: AsyncIterable<ArchiveEntry>): Promise<void> {
    const stopped = happened(this.#stop.signal);
    for await (const entry of entries) {
      const pieces = this.#memory.copies(exactly(entry));
      try {
        await Promise.race([this.#append(entry, pieces), stopped]);
      } finally {
        await pieces.return(undefined);
      }
      if (this.#stop.signal.aborted) return;
    }
    // Resolves when all has been read, which the reader of the archive knows better.
    void this.#archive.finalize();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Resolves when the entry is in the archive; it does not when an entry fails. */
  #append(
    { path, sizeBytes, modifiedMs }: ArchiveEntry,
    pieces: AsyncIterator<Uint8Array, undefined>,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = this.#stop;
      const source = new Readable({
        // Nothing is read ahead: that is for the entry's own reader to do.
        highWaterMark: 1,
        read(): void {
          // Once stopped, the end of the pieces is not that of the entry.
          const push = ({ value }: IteratorResult<Uint8Array, undefined>): void => {
            if (!signal.aborted) this.push(value ?? null);
          };
          pieces.next().then(push, reject);
        },
      });
      this.#archive.once('entry', () => resolve());
      this.#archive.append(source, {
        name: path,
        date: new Date(modifiedMs),
        mode: FILE_MODE,
        stats: statsOf(sizeBytes),
      });
    });
  }
}

/** The archive's bytes, one piece at a time and each as it was put in, for its memory's sake. */
class Output {
  readonly #archive: Archive;
  #piece: Uint8Array | undefined;
  #isEnded = false;
  #failure: { readonly reason: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(archive: Archive) {
    this.#archive = archive;
    archive.on('data', (piece: Uint8Array) => {
      archive.pause();
      this.#piece = piece;
      this.#wake();
    });
    archive.on('end', () => {
      this.#isEnded = true;
      this.#wake();
    });
    archive.on('error', (error: Error) => this.fail(error));
  }

  fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#wake();
  }

  /** undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    this.#piece = undefined;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.reason;
      if (this.#piece !== undefined || this.#isEnded) return this.#piece;
      const news = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#archive.resume();
      await news;
    }
  }
}

/** archiver streams an entry only when it gets its size this way; else it reads it into memory. */
function statsOf(sizeBytes: number): Stats {
  const stats: unknown = Object.create(Stats.prototype);
  assert(stats instanceof Stats, 'an object is what it was made as');
  stats.size = sizeBytes;
  stats.mode = constants.S_IFREG | FILE_MODE;
  return stats;
}

function happened(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
