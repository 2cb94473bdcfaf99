import type { Clock } from '../base/clock.ts';
import { CodedError, describeError, hasCode } from '../base/errors.ts';
import type { Fs } from '../base/ports/fs.ts';
import { sourceOf } from '../filestore/file-store.ts';
import type { FileStore } from '../filestore/file-store.ts';
import { STORE_PROBE_PATH } from '../filestore/layout.ts';
import type { WarningBoard } from '../services/health/warning-board.ts';
import type { ServerConfig } from './host.ts';
import { openFileStore } from './open-file-store.ts';

const UNAVAILABLE = 'file_store_unavailable';
const UNSUPPORTED = 'file_store_unsupported';
const CHECK_MOUNT =
  'Check the disk or network mount of this folder, and the server behind it: calls to it do not return.';
/** A store that took the last file is asked again after this time. */
const PROBE_PERIOD_MS = 15 * 60_000;

export interface FileStoreKeeperOptions {
  /** Made anew for each folder, so that one which hangs takes nothing from the next. */
  readonly makeStoreFs: () => Fs;
  readonly clock: Clock;
  readonly board: WarningBoard;
  /** Another store is in use from now on. */
  readonly onChange: () => void;
}

/** The file store that the server's configuration names, or the reason why there is none. */
export class FileStoreKeeper {
  readonly #options: FileStoreKeeperOptions;
  #store: FileStore | undefined;
  #reason = new CodedError('ERR_NOT_READY', 'the plugin is still starting');
  #configured = '';
  #nextProbeMs = 0;

  constructor(options: FileStoreKeeperOptions) {
    this.#options = options;
  }

  /** The store; throws a `CodedError` that says why there is none. */
  require(): FileStore {
    if (this.#store === undefined) throw this.#reason;
    return this.#store;
  }

  get current(): FileStore | undefined {
    return this.#store;
  }

  configure(config: ServerConfig): void {
    const { fileDriver, fileDirectory, s3, azure } = config;
    const configured = JSON.stringify({ fileDriver, fileDirectory, s3, azure });
    if (configured === this.#configured) return;
    this.#configured = configured;
    this.#nextProbeMs = 0;
    // Whoever is using the store of before goes on with it until done.
    this.#store = this.#make(config);
    this.#options.onChange();
  }

  /** Whether the store takes files; asked again soon after a failure, rarely otherwise. */
  async check(): Promise<boolean> {
    const { board, clock } = this.#options;
    const store = this.#store;
    if (store === undefined) return false;
    if (clock.monotonicMs() < this.#nextProbeMs) return true;
    try {
      await store.write(STORE_PROBE_PATH, sourceOf(new TextEncoder().encode('ok\n')));
      await store.remove(STORE_PROBE_PATH);
    } catch (error) {
      this.#complain(error);
      return false;
    }
    this.#nextProbeMs = clock.monotonicMs() + PROBE_PERIOD_MS;
    board.clear(UNAVAILABLE);
    return true;
  }

  /** Something that used the store failed: the next {@link check} really asks. */
  suspect(): void {
    this.#nextProbeMs = 0;
  }

  #complain(error: unknown): void {
    this.#options.board.raise(
      {
        code: UNAVAILABLE,
        message:
          `The server's file store (${this.#store?.description ?? 'none'}) cannot be used: ` +
          `${describeError(error)}.`,
        action:
          `${hasCode(error, 'ERR_FILESTORE_HANGING') ? CHECK_MOUNT : this.#checkSettings} ` +
          'Metrics are still collected; they are stored there as soon as it works again.',
      },
      error,
    );
  }

  /** What an administrator looks at when the store refuses files. */
  get #checkSettings(): string {
    const what = this.#store?.localPath === undefined ? 'bucket and its keys' : 'folder';
    return `Check the File Storage settings in the System Console and the permissions of the ${what}.`;
  }

  #make(config: ServerConfig): FileStore | undefined {
    const { board } = this.#options;
    board.clear(UNAVAILABLE);
    try {
      const store = openFileStore(config, this.#options);
      board.clear(UNSUPPORTED);
      return store;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#reason = error;
      board.raise({
        code: UNSUPPORTED,
        message:
          `The server's file store cannot be used: ${error.message}. Metrics are collected on the ` +
          'local disk, but not stored there, and no dumps can be made.',
        action: 'Correct the File Storage settings in the System Console.',
      });
      return undefined;
    }
  }
}
