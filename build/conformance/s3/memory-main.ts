// Stores or reads a large file in a process of its own and tells how far its memory grew.
// Arguments: upload or download, endpoint, size in MiB.
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

import { BucketFileStore } from '../../../server/src/filestore/bucket/bucket-file-store.ts';
import { readS3Settings } from '../../../server/src/filestore/s3/s3-settings.ts';
import { openS3Bucket } from '../../../server/src/platform/s3/s3-bucket.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { fileSettings } from './s3-server.ts';

const MIB = 1024 * 1024;
const [direction = '', endpoint = '', sizeMib = '0'] = process.argv.slice(2);
const sizeBytes = Number(sizeMib) * MIB;

const settings = readS3Settings(fileSettings(endpoint));
const store = new BucketFileStore({
  bucket: openS3Bucket(settings.bucket),
  description: 'the S3 server of this test',
  prefix: settings.prefix,
  partSizeBytes: settings.partSizeBytes,
  clock: systemClock,
});

/** Resident memory at most since the last call, in MiB. */
function peakMib(): number {
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  // Linux sets the peak back to what is resident now.
  writeFileSync('/proc/self/clear_refs', '5');
  return Number(peak) / 1024;
}

/** The bytes of the file, in one piece of memory for all: what is measured is the store's. */
async function* source(hash: Hash): AsyncGenerator<Uint8Array> {
  const piece = Buffer.alloc(MIB);
  for (let i = 0; i < sizeBytes; i += MIB) {
    piece.fill(i / MIB + 1);
    hash.update(piece);
    yield piece;
  }
}

// The client is loaded and has made its connection before the measurement begins.
await store.stat('large');
peakMib();
const restMib = process.memoryUsage.rss() / MIB;
const hash = createHash('sha256');
let bytes = 0;
if (direction === 'upload') {
  bytes = await store.write('large', source(hash));
} else {
  for await (const piece of store.read('large', undefined, 'borrowed')) {
    hash.update(piece);
    bytes += piece.length;
  }
}
const growthMib = peakMib() - restMib;
console.log(JSON.stringify({ bytes, sha256: hash.digest('hex'), restMib, growthMib }));
