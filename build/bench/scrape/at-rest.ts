import { setTimeout as delay } from 'node:timers/promises';

import { startDevHost } from '../../devhost/host.ts';
import { manifest, pluginJson } from '../../devhost/test-support.ts';
import { memoryOf } from '../../support/processes.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { waitUntil } from '../../support/wait.ts';
import { median } from '../support.ts';
import { cpuSeconds } from './peer.ts';

const INTERVAL_SECONDS = 60;
/** As the Mattermost server. */
const HEALTH_CHECK_MS = 30_000;
const ANSWERS = 50;

export interface AtRest {
  readonly rssMiB: number;
  readonly cpuSecondsPerHour: number;
  /** How long the server waits for the plugin's own metrics: the usual answer and the slowest. */
  readonly answerMs: number;
  readonly slowestAnswerMs: number;
}

interface Status {
  readonly targets: readonly { url: string; up: boolean }[];
}

/** The whole plugin in the stand-in host, with one node and nobody who asks for anything. */
export async function measureAtRest(warmUpSeconds: number, seconds: number): Promise<AtRest> {
  const host = await startDevHost({
    stateDir: temporaryDir('bench-at-rest'),
    port: 0,
    healthCheckMs: HEALTH_CHECK_MS,
    scrapeIntervalSeconds: INTERVAL_SECONDS,
    log: () => {},
  });
  try {
    const ownUrl = await waitUntil('the plugin to scrape itself', async () => {
      const { targets } = await pluginJson<Status>(host, '/status');
      return targets.find(({ url, up }) => up && url.includes(manifest.id))?.url;
    });
    const pid = host.supervisor.pid ?? 0;
    await delay(warmUpSeconds * 1000);
    const before = cpuSeconds(pid);
    const rss: number[] = [];
    for (let second = 0; second < seconds; second++) {
      await delay(1000);
      rss.push(memoryOf(pid).rssBytes);
    }
    const cpuSecondsPerHour = ((cpuSeconds(pid) - before) / seconds) * 3600;
    const answers: number[] = [];
    for (let i = 0; i < ANSWERS; i++) answers.push(await answerMs(ownUrl));
    return {
      rssMiB: median(rss) / 2 ** 20,
      cpuSecondsPerHour,
      answerMs: median(answers),
      slowestAnswerMs: Math.max(...answers),
    };
  } finally {
    await host.close();
  }
}

async function answerMs(url: string): Promise<number> {
  const startMs = performance.now();
  const response = await fetch(url);
  await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return performance.now() - startMs;
}
