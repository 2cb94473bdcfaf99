import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = CANDIDATES.find((file) => existsSync(file));

/** For the `skip` option of a test: what to do about a missing browser. In CI the test fails instead. */
export const skipWithoutChromium: string | false =
  executablePath === undefined && process.env.CI !== 'true'
    ? 'no Chromium; install it with: apt-get install chromium'
    : false;

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: executablePath ?? 'chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
