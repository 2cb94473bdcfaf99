/**
 * One bucket of an object store that speaks S3, or one container of Azure's. Each method is one
 * request, tried once, with its own time limit; who calls them tries again. The implementations are
 * `platform/s3` and `platform/azureblob`.
 *
 * Rejects with a `CodedError`; its codes are those of the file store
 * (`server/docs/errors.md`). Nothing here knows folders: keys are whole names.
 */
export interface Bucket {
  /** Undefined when there is no such object. */
  head(key: string): Promise<BucketObject | undefined>;
  /**
   * Opens an object; a part of it when a range is given, which must lie in it, and only if it is
   * still the same by `ifMatch`.
   */
  get(key: string, options: BucketGetOptions): Promise<BucketBody>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** One page of the keys that begin with `prefix`, in the order of their bytes. */
  list(prefix: string, options: BucketListOptions): Promise<BucketPage>;
  /** Fine when it is missing. */
  remove(key: string): Promise<void>;
  /** At most 1,000 keys in one request; missing ones are fine. Some S3 servers have no such request. */
  removeMany(keys: readonly string[]): Promise<void>;
  /** Begins an object that is sent in parts and appears with {@link completeUpload}; its id. */
  startUpload(key: string): Promise<string>;
  /** @returns the tag of the part, for {@link completeUpload} */
  putPart(upload: BucketUpload, partNumber: number, bytes: Uint8Array): Promise<string>;
  /** @param tags of all parts, the first one's first */
  completeUpload(upload: BucketUpload, tags: readonly string[]): Promise<void>;
  /** Fine when it is gone already. */
  abortUpload(upload: BucketUpload): Promise<void>;
  /** Uploads that were begun and neither completed nor aborted; the first thousand. */
  listUploads(prefix: string): Promise<readonly StartedUpload[]>;
}

export interface BucketObject {
  readonly sizeBytes: number;
  /** Unix milliseconds. */
  readonly modifiedMs: number;
  /** Names this version of the object. */
  readonly tag: string;
}

export interface BucketGetOptions {
  readonly start: number;
  /** Exclusive; to the end when it is not given. */
  readonly end?: number | undefined;
  readonly ifMatch?: string | undefined;
}

export interface BucketBody {
  /** Of the whole object, also when a part was asked for; undefined when the store does not tell. */
  readonly sizeBytes: number | undefined;
  readonly tag: string;
  /** To be read to the end or to be ended early, which ends the request; each piece can be kept. */
  readonly pieces: AsyncIterable<Uint8Array>;
}

export interface BucketListOptions {
  /** Keys with a further `/` behind the prefix are given once, as a folder. */
  readonly folders: boolean;
  /** `next` of the page before. */
  readonly from?: string | undefined;
}

export interface BucketPage {
  /** Some stores leave sizes out of their listings. */
  readonly objects: readonly { key: string; sizeBytes: number | undefined; modifiedMs: number }[];
  /** With the slash at their end. */
  readonly folders: readonly string[];
  readonly next: string | undefined;
}

export interface BucketUpload {
  readonly key: string;
  readonly id: string;
}

export interface StartedUpload extends BucketUpload {
  readonly startedMs: number;
}

/** How a bucket is reached; made from the server's settings by `filestore/s3/s3-settings.ts`. */
export interface BucketSettings {
  readonly bucket: string;
  /** Host with an optional port, as people know it. */
  readonly endpoint: string;
  /** The host that serves a region; the endpoint itself for nearly all stores. */
  readonly hostOf: (region: string) => string;
  readonly isSecure: boolean;
  /** Whether a certificate must be valid for the endpoint. */
  readonly verifiesCertificates: boolean;
  /** '' means that the store is asked. */
  readonly region: string;
  /** Whether the bucket is the first part of the path and not of the host's name. */
  readonly isPathStyle: boolean;
  /** Undefined means the identity of this machine, pod or container. */
  readonly credentials:
    { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  /** Whether the store is told to encrypt what it keeps, with keys of its own. */
  readonly isEncrypted: boolean;
  /** '' means the bucket's default. */
  readonly storageClass: string;
  /** For each request and its answer; for a body that is read, for each wait. */
  readonly requestTimeoutMs: number;
}

/** How a container is reached; made from the server's settings by `filestore/azureblob`. */
export interface ContainerSettings {
  readonly account: string;
  readonly container: string;
  /** Of the account, without a slash at its end. */
  readonly url: string;
  /** In base 64; undefined means the identity of this machine, pod or container. */
  readonly accessKey: string | undefined;
  /** Whether a certificate must be valid for the endpoint. */
  readonly verifiesCertificates: boolean;
  /** For each request and its answer; for a body that is read, for each wait. */
  readonly requestTimeoutMs: number;
}
