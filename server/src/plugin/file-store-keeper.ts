import type { Clock } from '../base/clock.ts';
import { CodedError, describeError, hasCode } from '../base/errors.ts';
import type { Fs } from '../base/ports/fs.ts';
import { withTimeout } from '../base/sync/timeout.ts';
import { sourceOf } from '../filestore/file-store.ts';
import type { FileStore } from '../filestore/file-store.ts';
import { STORE_PROBE_PATH } from '../filestore/layout.ts';
import type { WarningBoard } from '../services/health/warning-board.ts';
import type { Silence, WatchedPart, Watchdog } from '../services/health/watchdog.ts';
import type { ServerConfig } from './host.ts';
import { openFileStore } from './open-file-store.ts';
import { watchedStore } from './watched-store.ts';
import { sinceText } from './watches.ts';

const UNAVAILABLE = 'file_store_unavailable';
const UNSUPPORTED = 'file_store_unsupported';
const CHECK_MOUNT =
  'Check the disk or network mount of this folder, and the server behind it: calls to it do not return.';
/** A store that took the last file is asked again after this time: in a bucket, each file costs. */
const PROBE_PERIOD_MS = { folder: 45_000, bucket: 15 * 60_000 } as const;
/** Nobody waits longer to hear whether the store takes files. */
const PROBE_LIMIT_MS = 30_000;
/** A call of the store that has not moved for so long is named. */
const SILENCE_MS = 30_000;

export interface FileStoreKeeperOptions {
  /** Made anew for each folder, so that one which hangs takes nothing from the next. */
  readonly makeStoreFs: () => Fs;
  readonly clock: Clock;
  readonly board: WarningBoard;
  readonly watchdog: Watchdog;
  /** Another store is in use from now on. */
  readonly onChange: () => void;
}

/** The file store that the server's configuration names, or the reason why there is none. */
export class FileStoreKeeper {
  readonly #options: FileStoreKeeperOptions;
  readonly #part: WatchedPart = {
    name: 'the file store',
    limitMs: () => SILENCE_MS,
    report: (silence) => {
      this.#silence = silence;
      this.#tell();
    },
  };
  #store: FileStore | undefined;
  #reason = new CodedError('ERR_NOT_READY', 'the plugin is still starting');
  #configured = '';
  #nextProbeMs = 0;
  /** The look at a store that is under way: one that hangs is not asked again. */
  #probe: { readonly store: FileStore; readonly outcome: Promise<void> } | undefined;
  /** Why the last look failed. */
  #failure: unknown;
  #silence: Silence | undefined;

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

  /**
   * Whether the store takes files, within 30 s.
   *
   * @param when `due`: asked soon after a failure, rarely otherwise
   */
  async check(when: 'now' | 'due'): Promise<boolean> {
    const { clock } = this.#options;
    const store = this.#store;
    if (store === undefined) return false;
    if (when === 'due' && clock.monotonicMs() < this.#nextProbeMs) return true;
    if (this.#probe?.store !== store) this.#probe = { store, outcome: this.#try(store) };
    try {
      await withTimeout(clock, PROBE_LIMIT_MS, this.#probe.outcome, () => {
        return new CodedError('ERR_FILESTORE_TIMEOUT', 'the store did not answer in time', {
          limitMs: PROBE_LIMIT_MS,
        });
      });
      return true;
    } catch (error) {
      this.#fail(store, error);
      return false;
    }
  }

  /** Something that used the store failed: the next {@link check} really asks. */
  suspect(): void {
    this.#nextProbeMs = 0;
  }

  async #try(store: FileStore): Promise<void> {
    try {
      await store.write(STORE_PROBE_PATH, sourceOf(new TextEncoder().encode('ok\n')));
      await store.remove(STORE_PROBE_PATH);
    } finally {
      if (this.#probe?.store === store) this.#probe = undefined;
    }
    if (store !== this.#store) return;
    const kind = store.localPath === undefined ? 'bucket' : 'folder';
    this.#nextProbeMs = this.#options.clock.monotonicMs() + PROBE_PERIOD_MS[kind];
    this.#failure = undefined;
    this.#tell();
  }

  #fail(store: FileStore, error: unknown): void {
    if (store !== this.#store) return;
    this.suspect();
    this.#failure = error;
    this.#tell();
  }

  /** A store that answered late and one that has not answered yet are one thing to an administrator. */
  #tell(): void {
    const { board } = this.#options;
    const store = this.#store;
    const why =
      this.#failure === undefined
        ? this.#silence && `it has not answered since ${sinceText(this.#silence)}`
        : describeError(this.#failure);
    const isHanging =
      this.#failure === undefined
        ? store?.localPath !== undefined
        : hasCode(this.#failure, 'ERR_FILESTORE_HANGING');
    board.set(
      UNAVAILABLE,
      store === undefined || why === undefined
        ? undefined
        : {
            message: `The server's file store (${store.description}) cannot be used: ${why}.`,
            action:
              `${isHanging ? CHECK_MOUNT : this.#checkSettings} ` +
              'Metrics are still collected; they are stored there as soon as it works again.',
          },
      this.#failure,
    );
  }

  /** What an administrator looks at when the store refuses files. */
  get #checkSettings(): string {
    const what = this.#store?.localPath === undefined ? 'bucket and its keys' : 'folder';
    return `Check the File Storage settings in the System Console and the permissions of the ${what}.`;
  }

  #make(config: ServerConfig): FileStore | undefined {
    const { board, clock, makeStoreFs, watchdog } = this.#options;
    this.#failure = undefined;
    this.#silence = undefined;
    board.clear(UNAVAILABLE);
    try {
      const onTimeout = (error: unknown): void => this.#fail(watched, error);
      const store = openFileStore(config, { makeStoreFs, clock, onTimeout });
      const watched = watchedStore(store, watchdog, this.#part);
      board.clear(UNSUPPORTED);
      return watched;
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
