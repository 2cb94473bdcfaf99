import { CodedError } from '../../src/base/errors.ts';
import type { DirEntry, DirLock, File, FileStat, Fs, OpenMode } from '../../src/base/ports/fs.ts';
import { parentOf } from '../../src/base/ports/fs.ts';

interface FileNode {
  readonly kind: 'file';
  bytes: Uint8Array<ArrayBuffer>;
  /** What a power cut leaves. */
  synced: Uint8Array<ArrayBuffer>;
  modifiedMs: number;
}

interface DirNode {
  readonly kind: 'dir';
  readonly entries: Map<string, Node>;
  /** The entries that a power cut leaves. */
  synced: Map<string, Node>;
}

type Node = FileNode | DirNode;

/** What goes wrong, and when. Calls that change something are counted from 1. */
export interface Fault {
  readonly atCall: number;
  /**
   * - `fail`: this one call fails; a write leaves half of its bytes.
   * - `crash`: the process ends in this call (a write leaves half); all later calls fail.
   */
  readonly kind: 'fail' | 'crash';
  /** Code of the error; default `ERR_FS`. */
  readonly code?: string;
}

/**
 * The `Fs` port in memory. After a crash `survivor` tells what a new process finds: all that was
 * written (the process was killed) or what was synced (the power was cut).
 */
export class MemoryFs implements Fs {
  fault: Fault | undefined;
  /** Calls so far that change something on disk. */
  calls = 0;
  /** Names of these calls, for tests that count the work. */
  readonly log: string[] = [];
  freeSpaceBytes = Number.MAX_SAFE_INTEGER;
  #crashed = false;
  #root: DirNode;
  readonly #open = new Map<symbol, string>();
  readonly #locked = new Set<DirNode>();

  readonly #nowMs: () => number;

  /** @param nowMs for the times of files, Unix milliseconds */
  constructor(root: DirNode = makeDirNode(), nowMs: () => number = () => 0) {
    this.#root = root;
    this.#nowMs = nowMs;
  }

  /** Paths of the files that were opened and not closed. */
  openFiles(): string[] {
    return [...this.#open.values()];
  }

  /** The disk as the next process finds it. This one is dead from now on. */
  survivor(after: 'kill' | 'power cut'): MemoryFs {
    this.#crashed = true;
    const root = after === 'kill' ? copyAll(this.#root) : copySynced(this.#root);
    return new MemoryFs(root, this.#nowMs);
  }

  async open(path: string, mode: OpenMode): Promise<File> {
    this.#alive(path);
    const name = baseOf(path);
    const found = this.#find(path);
    if (found?.kind === 'dir') throw failure('ERR_FS', 'open', path);
    if (found === undefined && (mode === 'read' || mode === 'update')) {
      throw failure('ERR_FS_NOT_FOUND', 'open', path);
    }
    if (found !== undefined && mode === 'new') throw failure('ERR_FS_EXISTS', 'open', path);
    let node = found;
    if (node === undefined) {
      this.#change('make file', path);
      const nothing = new Uint8Array(0);
      node = { kind: 'file', bytes: nothing, synced: nothing, modifiedMs: this.#nowMs() };
      this.#dir(parentOf(path)).entries.set(name, node);
    } else if (mode === 'create' || mode === 'log') {
      this.#change('empty file', path);
      node.bytes = new Uint8Array(0);
    }
    return this.#file(path, node, mode);
  }

  async readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
    this.#alive(path);
    const node = this.#find(path);
    if (node === undefined) throw failure('ERR_FS_NOT_FOUND', 'read', path);
    if (node.kind === 'dir') throw failure('ERR_FS', 'read', path);
    return node.bytes.slice();
  }

  async list(dir: string): Promise<DirEntry[]> {
    this.#alive(dir);
    return [...this.#dir(dir).entries]
      .map(([name, node]) => ({ name, isDirectory: node.kind === 'dir' }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  }

  async stat(path: string): Promise<FileStat | undefined> {
    this.#alive(path);
    const node = this.#find(path);
    if (node === undefined) return undefined;
    const id = idOf(node);
    if (node.kind === 'dir') return { sizeBytes: 0, isDirectory: true, modifiedMs: 0, id };
    return { sizeBytes: node.bytes.length, isDirectory: false, modifiedMs: node.modifiedMs, id };
  }

  async makeDir(dir: string): Promise<void> {
    this.#alive(dir);
    let node = this.#root;
    for (const name of partsOf(dir)) {
      let child = node.entries.get(name);
      if (child === undefined) {
        this.#change('make folder', dir);
        child = makeDirNode();
        node.entries.set(name, child);
      }
      if (child.kind !== 'dir') throw failure('ERR_FS_EXISTS', 'make folder', dir);
      node = child;
    }
  }

  async rename(from: string, to: string): Promise<void> {
    this.#alive(from);
    const node = this.#find(from);
    if (node === undefined) throw failure('ERR_FS_NOT_FOUND', 'rename', from);
    const target = this.#dir(parentOf(to));
    const there = target.entries.get(baseOf(to));
    if (there?.kind === 'dir' && (node.kind !== 'dir' || there.entries.size > 0)) {
      throw failure('ERR_FS_EXISTS', 'rename', from);
    }
    if (there?.kind === 'file' && node.kind === 'dir') throw failure('ERR_FS', 'rename', from);
    this.#change('rename', from);
    this.#dir(parentOf(from)).entries.delete(baseOf(from));
    target.entries.set(baseOf(to), node);
  }

  async syncDir(dir: string): Promise<void> {
    this.#alive(dir);
    const node = this.#dir(dir);
    this.#change('sync folder', dir);
    node.synced = new Map(node.entries);
  }

  async remove(path: string): Promise<void> {
    this.#alive(path);
    const node = this.#find(path);
    if (node === undefined) return;
    if (node.kind === 'dir') throw failure('ERR_FS', 'remove', path);
    this.#change('remove', path);
    this.#dir(parentOf(path)).entries.delete(baseOf(path));
  }

  async removeTree(path: string): Promise<void> {
    this.#alive(path);
    const node = this.#find(path);
    if (node === undefined) return;
    // As on a disk: from the leaves up, so that a crash leaves half a tree.
    if (node.kind === 'dir') {
      for (const name of [...node.entries.keys()]) await this.removeTree(`${path}/${name}`);
    }
    this.#change('remove', path);
    this.#dir(parentOf(path)).entries.delete(baseOf(path));
  }

  async freeBytes(path: string): Promise<number> {
    this.#alive(path);
    return this.freeSpaceBytes;
  }

  async lockDir(dir: string): Promise<DirLock> {
    this.#alive(dir);
    const node = this.#dir(dir);
    if (this.#locked.has(node)) {
      throw new CodedError('ERR_FS_LOCKED', `${dir} is in use`, { path: dir });
    }
    this.#locked.add(node);
    return {
      exposedTo: async () => undefined,
      check: async () => (this.#find(dir) === node ? 'held' : 'moved'),
      release: async () => {
        this.#locked.delete(node);
      },
    };
  }

  #file(path: string, node: FileNode, mode: string): File {
    const handle = Symbol(path);
    this.#open.set(handle, path);
    let end = mode === 'create' || mode === 'log' ? 0 : node.bytes.length;
    const writable = (operation: string): void => {
      this.#alive(path);
      if (mode === 'read') throw failure('ERR_FS', operation, path);
    };
    return {
      read: async (into, offset) => {
        this.#alive(path);
        const piece = node.bytes.subarray(offset, offset + into.length);
        into.set(piece);
        return piece.length;
      },
      write: async (bytes, offset) => {
        writable('write');
        const at = mode === 'append' ? node.bytes.length : (offset ?? end);
        const half = bytes.subarray(0, bytes.length >> 1);
        this.#change('write', path, () => overwrite(node, at, half));
        overwrite(node, at, bytes);
        if (mode === 'log') node.synced = node.bytes.slice();
        node.modifiedMs = this.#nowMs();
        end = Math.max(end, at + bytes.length);
      },
      truncate: async (sizeBytes) => {
        writable('truncate');
        this.#change('truncate', path);
        const bytes = new Uint8Array(sizeBytes);
        bytes.set(node.bytes.subarray(0, sizeBytes));
        node.bytes = bytes;
        end = sizeBytes;
      },
      sync: async () => {
        this.#alive(path);
        this.#change('sync', path);
        node.synced = node.bytes.slice();
      },
      size: async () => {
        this.#alive(path);
        return node.bytes.length;
      },
      close: async () => {
        this.#alive(path);
        if (!this.#open.delete(handle)) throw failure('ERR_FS', 'close', path, 'closed twice');
      },
    };
  }

  #alive(path: string): void {
    if (this.#crashed) throw failure('ERR_FS', 'reach', path, 'the process has crashed');
  }

  /** Counts a change, and fails it when its turn has come. */
  #change(operation: string, path: string, half?: () => void): void {
    this.calls++;
    this.log.push(`${operation} ${path}`);
    if (this.fault?.atCall !== this.calls) return;
    half?.();
    if (this.fault.kind === 'crash') this.#crashed = true;
    throw failure(this.fault.code ?? 'ERR_FS', operation, path, 'made to fail by the test');
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of partsOf(path)) {
      if (node?.kind !== 'dir') return undefined;
      node = node.entries.get(name);
    }
    return node;
  }

  #dir(path: string): DirNode {
    const node = this.#find(path);
    if (node === undefined) throw failure('ERR_FS_NOT_FOUND', 'find', path);
    if (node.kind !== 'dir') throw failure('ERR_FS', 'list', path);
    return node;
  }
}

const ids = new WeakMap<Node, string>();
let lastId = 0;

function idOf(node: Node): string {
  const id = ids.get(node) ?? String(++lastId);
  ids.set(node, id);
  return id;
}

function makeDirNode(entries: Map<string, Node> = new Map()): DirNode {
  return { kind: 'dir', entries, synced: new Map(entries) };
}

function copyAll(dir: DirNode): DirNode {
  const copy = (node: Node): Node =>
    node.kind === 'dir' ? copyAll(node) : makeFileNode(node.bytes, node.modifiedMs);
  return makeDirNode(new Map([...dir.entries].map(([name, node]) => [name, copy(node)])));
}

function copySynced(dir: DirNode): DirNode {
  const copy = (node: Node): Node =>
    node.kind === 'dir' ? copySynced(node) : makeFileNode(node.synced, node.modifiedMs);
  return makeDirNode(new Map([...dir.synced].map(([name, node]) => [name, copy(node)])));
}

function makeFileNode(bytes: Uint8Array<ArrayBuffer>, modifiedMs: number): FileNode {
  return { kind: 'file', bytes: bytes.slice(), synced: bytes.slice(), modifiedMs };
}

function overwrite(node: FileNode, at: number, bytes: Uint8Array): void {
  if (at + bytes.length > node.bytes.length) {
    const grown = new Uint8Array(at + bytes.length);
    grown.set(node.bytes);
    node.bytes = grown;
  }
  node.bytes.set(bytes, at);
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function failure(code: string, operation: string, path: string, reason?: string): CodedError {
  const cause = reason === undefined ? undefined : new Error(reason);
  return new CodedError(code, `cannot ${operation} ${path}`, { path, operation }, cause);
}
