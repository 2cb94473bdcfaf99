import type { Clock } from '../base/clock.ts';
import { CodedError, describeError } from '../base/errors.ts';
import type { Bucket, BucketSettings } from '../base/ports/bucket.ts';
import type { Fs } from '../base/ports/fs.ts';
import { sourceOf } from '../filestore/file-store.ts';
import type { FileStore } from '../filestore/file-store.ts';
import { PLUGIN_DIR, STORE_PROBE_PATH } from '../filestore/layout.ts';
import { LocalFileStore } from '../filestore/local-file-store.ts';
import { S3FileStore } from '../filestore/s3/s3-file-store.ts';
import { readS3Settings } from '../filestore/s3/s3-settings.ts';
import type { S3FileSettings } from '../filestore/s3/s3-settings.ts';
import { openS3Bucket } from '../platform/s3/s3-bucket.ts';
import type { WarningBoard } from '../services/health/warning-board.ts';
import type { ServerConfig } from './host.ts';
import { S3_DRIVER } from './s3-file-settings.ts';

const UNAVAILABLE = 'file_store_unavailable';
const UNSUPPORTED = 'file_store_unsupported';
/** A store that took the last file is asked again after this time. */
const PROBE_PERIOD_MS = 15 * 60_000;

export interface FileStoreKeeperOptions {
  readonly fs: Fs;
  readonly clock: Clock;
  readonly board: WarningBoard;
  /** Amazon's client when it is not given. */
  readonly openBucket?: (settings: BucketSettings) => Bucket;
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
    const { fileDriver, fileDirectory, s3 } = config;
    const configured = JSON.stringify({ fileDriver, fileDirectory, s3 });
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
          'Check the File Storage settings in the System Console and the permissions of the ' +
          `${this.#what}. Metrics are still collected; they are stored there as soon as it works again.`,
      },
      error,
    );
  }

  /** What an administrator looks at when the store refuses files. */
  get #what(): string {
    return this.#store instanceof S3FileStore ? 'bucket and its keys' : 'folder';
  }

  #make(config: ServerConfig): FileStore | undefined {
    const { fs, clock, board } = this.#options;
    if (config.fileDriver === 'local') {
      board.clear(UNSUPPORTED);
      return new LocalFileStore({ fs, root: config.fileDirectory, nowMs: () => clock.nowMs() });
    }
    board.clear(UNAVAILABLE);
    if (config.fileDriver === S3_DRIVER && config.s3 !== undefined) {
      return this.#makeS3(config.s3);
    }
    this.#reason = new CodedError(
      'ERR_FILESTORE_DRIVER',
      `this version cannot use the file store "${config.fileDriver}"; only "local" and ` +
        '"amazons3" are supported',
    );
    board.raise({
      code: UNSUPPORTED,
      message:
        `The server's file store "${config.fileDriver}" is not supported by this version: metrics ` +
        'are collected on the local disk, but not stored there, and no dumps can be made.',
      action:
        'Use the file storage driver "local" or "amazons3", or an earlier version of this plugin.',
    });
    return undefined;
  }

  #makeS3(given: S3FileSettings): FileStore | undefined {
    const { clock, board, openBucket = openS3Bucket } = this.#options;
    try {
      const { bucket, prefix, partSizeBytes } = readS3Settings(given);
      const store = new S3FileStore({
        bucket: openBucket(bucket),
        description: `S3 bucket ${bucket.bucket} at ${bucket.endpoint}`,
        prefix,
        partSizeBytes,
        clock,
        ownDir: PLUGIN_DIR,
      });
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
