import type { Bucket, BucketSettings } from '../../base/ports/bucket.ts';

/**
 * The bucket that the settings name. The client is a megabyte of code that most servers, with their
 * files on a disk, do not need: it is loaded with the first request.
 */
export function openS3Bucket(settings: BucketSettings): Bucket {
  let opening: Promise<Bucket> | undefined;
  const open = (): Promise<Bucket> => {
    // A failure is not kept: the next request begins anew.
    opening ??= import('./sdk-bucket.ts')
      .then(({ openSdkBucket }) => openSdkBucket(settings))
      .catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
    return opening;
  };
  return {
    head: async (key) => (await open()).head(key),
    get: async (key, options) => (await open()).get(key, options),
    put: async (key, bytes) => (await open()).put(key, bytes),
    list: async (prefix, options) => (await open()).list(prefix, options),
    remove: async (key) => (await open()).remove(key),
    removeMany: async (keys) => (await open()).removeMany(keys),
    startUpload: async (key) => (await open()).startUpload(key),
    putPart: async (upload, number, bytes) => (await open()).putPart(upload, number, bytes),
    completeUpload: async (upload, tags) => (await open()).completeUpload(upload, tags),
    abortUpload: async (upload) => (await open()).abortUpload(upload),
    listUploads: async (prefix) => (await open()).listUploads(prefix),
  };
}
