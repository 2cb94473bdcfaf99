import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Duplex } from '../src/base/ports/duplex.ts';
import { systemClock } from '../src/platform/system-clock.ts';
import { connectUnixSocket, listenUnixSocket } from '../src/platform/unix-socket.ts';
import { YamuxSession } from '../src/protocol/yamux/index.ts';
import { Random, fuzzSeed } from './kits/random.ts';
import { streamMuxerKit, type SessionPair } from './kits/stream-muxer-kit.ts';
import { duplexPair } from './support/duplex-pair.ts';

const seed = fuzzSeed();
const random = new Random(seed);

function sessions(a: Duplex, b: Duplex): SessionPair {
  return {
    client: new YamuxSession(a, { role: 'client', clock: systemClock }),
    server: new YamuxSession(b, { role: 'server', clock: systemClock }),
  };
}

async function overUnixSocket(): Promise<SessionPair> {
  const dir = mkdtempSync(join(tmpdir(), 'muxer-'));
  const listener = await listenUnixSocket(join(dir, 'socket'));
  const [a, b] = await Promise.all([connectUnixSocket(listener.path), listener.accept()]);
  await listener.close();
  rmSync(dir, { recursive: true });
  if (b === undefined) throw new Error('no connection');
  return sessions(a, b);
}

streamMuxerKit(
  'byte at a time',
  () => Promise.resolve(sessions(...duplexPair({ pieceBytes: () => 1 }))),
  { streamCount: 20, messageCount: 5, bodyBytes: 5_000 },
);
streamMuxerKit(
  `random pieces (seed ${seed})`,
  () => Promise.resolve(sessions(...duplexPair({ pieceBytes: () => 1 + random.int(5000) }))),
  { streamCount: 200, messageCount: 50, bodyBytes: 2_000_000 },
);
streamMuxerKit('unix socket', overUnixSocket, {
  streamCount: 200,
  messageCount: 50,
  bodyBytes: 10_000_000,
});
