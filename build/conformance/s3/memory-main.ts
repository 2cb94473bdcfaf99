// Stores and reads a large file in a process of its own and tells how far its memory grew.
// Arguments: endpoint, size in MiB.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

import { BucketFileStore } from '../../../server/src/filestore/bucket/bucket-file-store.ts';
import { readS3Settings } from '../../../server/src/filestore/s3/s3-settings.ts';
import { openS3Bucket } from '../../../server/src/platform/s3/s3-bucket.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { fileSettings } from './s3-server.ts';

const MIB = 1024 * 1024;
const [endpoint = '', sizeMib = '0'] = process.argv.slice(2);
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

const sent = createHash('sha256');
async function* source(): AsyncGenerator<Uint8Array> {
  // One piece of memory for all: what is measured is the store's, not the source's.
  const piece = Buffer.alloc(MIB);
  for (let i = 0; i < sizeBytes; i += MIB) {
    piece.fill(i / MIB + 1);
    sent.update(piece);
    yield piece;
  }
}

// The client is loaded and has made its connection before the measurement begins.
await store.stat('large');
peakMib();
const restMib = process.memoryUsage.rss() / MIB;
const stored = await store.write('large', source());
const uploadMib = peakMib() - restMib;

const received = createHash('sha256');
let read = 0;
for await (const piece of store.read('large')) {
  received.update(piece);
  read += piece.length;
}
const downloadMib = peakMib() - restMib;
const isEqual = received.digest('hex') === sent.digest('hex');
console.log(JSON.stringify({ stored, read, isEqual, restMib, uploadMib, downloadMib }));
