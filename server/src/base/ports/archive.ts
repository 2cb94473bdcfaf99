/** How an archive is framed. */
export type ArchiveFormat = 'tar.gz' | 'zip';

/** Packs files into one compressed archive. The implementation is `platform/archive`. */
export interface ArchivePacker {
  /**
   * A compressed archive of `entries`, in their order, as it is pulled: memory stays bounded however
   * large the entries are, and one entry is open at a time. Ends with the error of an entry that
   * fails to be read or whose length is not what it said; what was yielded before is useless then. A
   * consumer that stops early ends everything.
   *
   * A piece is valid until the next one is pulled.
   */
  pack(entries: AsyncIterable<ArchiveEntry>, format: ArchiveFormat): AsyncIterable<Uint8Array>;
}

export interface ArchiveEntry {
  /** Relative, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Unix milliseconds. */
  readonly modifiedMs: number;
  /** Called once, when it is the entry's turn. The packer is done with a piece when it pulls the next. */
  open(): AsyncIterable<Uint8Array>;
}
