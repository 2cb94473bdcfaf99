import { CodedError } from '../../src/base/errors.ts';
import { checkStorePath } from '../../src/filestore/file-store.ts';
import type {
  ByteRange,
  ByteSource,
  FileStore,
  StoreEntry,
  StoreFileStat,
} from '../../src/filestore/file-store.ts';

interface StoredFile {
  bytes: Uint8Array;
  modifiedMs: number;
}

/** A file store in memory that counts what is done to it and can be made to fail. */
export class MemoryFileStore implements FileStore {
  readonly description = 'memory';
  readonly files = new Map<string, StoredFile>();
  /** Every finished call, such as `write a/b`. */
  readonly log: string[] = [];
  /** Called first by every method; throw to make it fail. */
  check: (verb: string, path: string) => void = () => {};
  nowMs = 0;
  /** As the port has it; undefined, as of a bucket, unless it is set. */
  freeBytes?: () => Promise<number>;

  put(path: string, content: string | Uint8Array, modifiedMs = this.nowMs): void {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    this.files.set(path, { bytes, modifiedMs });
  }

  text(path: string): string | undefined {
    const file = this.files.get(path);
    return file === undefined ? undefined : new TextDecoder().decode(file.bytes);
  }

  async list(dir: string): Promise<StoreEntry[]> {
    this.#begin('list', dir);
    const entries = new Map<string, StoreEntry>();
    for (const path of this.files.keys()) {
      if (!path.startsWith(`${dir}/`)) continue;
      const rest = path.slice(dir.length + 1);
      const slash = rest.indexOf('/');
      const name = slash < 0 ? rest : rest.slice(0, slash);
      entries.set(name, { name, isDirectory: slash >= 0 });
    }
    return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async stat(path: string): Promise<StoreFileStat | undefined> {
    this.#begin('stat', path);
    const file = this.files.get(path);
    if (file === undefined) return undefined;
    return { sizeBytes: file.bytes.length, modifiedMs: file.modifiedMs };
  }

  read(path: string, range?: ByteRange): ByteSource {
    return this.#read(path, range);
  }

  async write(path: string, source: ByteSource): Promise<number> {
    this.#begin('write', path);
    const pieces: Uint8Array[] = [];
    // A source may use the memory of a piece again.
    for await (const piece of source) pieces.push(piece.slice());
    const bytes = new Uint8Array(Buffer.concat(pieces));
    this.put(path, bytes);
    return bytes.length;
  }

  async remove(path: string): Promise<void> {
    this.#begin('remove', path);
    this.files.delete(path);
  }

  async removeTree(dir: string): Promise<void> {
    this.#begin('removeTree', dir);
    for (const path of this.files.keys()) {
      if (path === dir || path.startsWith(`${dir}/`)) this.files.delete(path);
    }
  }

  async removeLeftovers(dir: string): Promise<void> {
    this.#begin('removeLeftovers', dir);
  }

  async *#read(path: string, range: ByteRange | undefined): AsyncGenerator<Uint8Array> {
    this.#begin('read', path);
    const file = this.files.get(path);
    if (file === undefined) {
      throw new CodedError('ERR_FILESTORE_NOT_FOUND', 'no such file', { path });
    }
    const end = range?.end ?? file.bytes.length;
    const pieceBytes = 64 * 1024;
    for (let at = range?.start ?? 0; at < end; at += pieceBytes) {
      yield file.bytes.slice(at, Math.min(end, at + pieceBytes));
    }
  }

  #begin(verb: string, path: string): void {
    checkStorePath(path);
    this.check(verb, path);
    this.log.push(`${verb} ${path}`);
  }
}
