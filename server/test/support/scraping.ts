// Exporters on loopback ports, and the scraper on real sockets and clocks.
import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';

import { silentLogger } from '../../src/base/log.ts';
import { ScrapeManager } from '../../src/ingest/index.ts';
import type { ScrapeSettings, Target, TargetStatus } from '../../src/ingest/index.ts';
import { NodeHttpClient } from '../../src/platform/http-client.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { RecordingStorage } from '../kits/recording-storage.ts';

const SETTINGS: ScrapeSettings = {
  intervalMs: 500,
  timeoutMs: 400,
  bodyLimitBytes: 64 * 1024 * 1024,
  sampleLimit: 0,
  honorTimestamps: true,
};
/** No turn of the event loop may take longer than this, by design. */
export const TURN_MS_MAX = 100;

const closers: (() => void)[] = [];
after(() => closers.forEach((close) => close()));

export async function exporter(handler: http.RequestListener): Promise<Target> {
  const server = http.createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const instance = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url: `http://${instance}/metrics`, labels: { job: 'node', instance } };
}

export interface Running {
  readonly manager: ScrapeManager;
  readonly storage: RecordingStorage;
  readonly end: () => Promise<void>;
}

export function scrape(targets: Target[], settings: Partial<ScrapeSettings> = {}): Running {
  const client = new NodeHttpClient();
  const storage = new RecordingStorage();
  const parts = { http: client, appendable: storage, clock: systemClock, logger: silentLogger };
  const manager = new ScrapeManager(parts);
  manager.apply({ ...SETTINGS, ...settings }, targets);
  const end = async (): Promise<void> => {
    await manager.stop();
    client.close();
  };
  return { manager, storage, end };
}

/** Waits until `isDone` holds for all targets. */
export async function until(
  manager: ScrapeManager,
  isDone: (status: TargetStatus) => boolean,
): Promise<void> {
  const endMs = Date.now() + 60_000;
  while (!manager.targets().every(isDone)) {
    assert.ok(Date.now() < endMs, JSON.stringify(manager.targets()));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Measures how long the turns of the event loop take, in CPU time of this thread: other processes
 * that want the same cores do not count.
 */
export function watchTurns(): { end: () => number } {
  const cpuMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let lastMs = cpuMs();
  let longestMs = 0;
  let isOn = true;
  const look = (): void => {
    const nowMs = cpuMs();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
    if (isOn) setImmediate(look);
  };
  look();
  return {
    end: () => {
      isOn = false;
      return longestMs;
    },
  };
}
