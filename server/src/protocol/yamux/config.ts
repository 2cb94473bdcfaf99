import { assert } from '../../base/errors.ts';
import { INITIAL_WINDOW_BYTES } from './frame.ts';

/** Tuning of a session. The defaults are those of hashicorp/yamux v0.1.2, where it has the field. */
export interface YamuxConfig {
  /** Streams of the other side that may wait for `accept`; more are reset. Also our own in flight. */
  readonly acceptBacklog: number;
  /** Streams of the other side that may be open at once; more are reset. Go knows no such limit. */
  readonly inboundStreamsMax: number;
  /** How far each stream of ours lets the other side run ahead of our reader; 256 KiB or more. */
  readonly windowBytes: number;
  /** How often the other side is pinged; 0 turns that off. */
  readonly keepAliveIntervalMs: number;
  /** How long a ping may take before the session is given up. */
  readonly pingTimeoutMs: number;
  /** How long an opened stream may wait for its acceptance before it is reset. */
  readonly streamOpenTimeoutMs: number;
  /** How long a closed stream may wait for the other side to end its half before it is reset. */
  readonly streamCloseTimeoutMs: number;
}

export const DEFAULT_CONFIG: YamuxConfig = {
  acceptBacklog: 256,
  inboundStreamsMax: 4096,
  windowBytes: INITIAL_WINDOW_BYTES,
  keepAliveIntervalMs: 30_000,
  pingTimeoutMs: 10_000,
  streamOpenTimeoutMs: 75_000,
  streamCloseTimeoutMs: 300_000,
};

/** Most payload of one stream in one frame, so that streams take turns on the connection. */
export const FRAME_PAYLOAD_BYTES_MAX = 32 * 1024;

/** Size at which a batch of frames goes to the connection; one frame may reach beyond it. */
export const BATCH_BYTES = 128 * 1024;

/**
 * Control frames (pongs, resets) that may wait for a slow connection. At the limit no more is read,
 * so that a peer that only asks and never reads cannot fill our memory.
 */
export const WAITING_CONTROL_BYTES_MAX = 64 * 1024;

/** How long a session that ends waits for its last frames to reach the connection. */
export const FLUSH_TIMEOUT_MS = 1_000;

/** Fills in the defaults and refuses nonsense, which is a mistake of the caller. */
export function makeConfig(overrides: Partial<YamuxConfig> = {}): YamuxConfig {
  const config = { ...DEFAULT_CONFIG, ...overrides };
  assert(config.acceptBacklog > 0, 'yamux: acceptBacklog must be positive');
  assert(config.inboundStreamsMax > 0, 'yamux: inboundStreamsMax must be positive');
  assert(
    config.windowBytes >= INITIAL_WINDOW_BYTES && config.windowBytes <= 0x7fffffff,
    `yamux: windowBytes must be from ${INITIAL_WINDOW_BYTES} to 2^31 - 1`,
  );
  assert(config.keepAliveIntervalMs >= 0, 'yamux: keepAliveIntervalMs must not be negative');
  for (const name of ['pingTimeoutMs', 'streamOpenTimeoutMs', 'streamCloseTimeoutMs'] as const) {
    assert(config[name] > 0, `yamux: ${name} must be positive`);
  }
  return config;
}
