// What `make run NODES=3` promises: three servers, each with its page, and another one takes over.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';

import type { Browser, Page } from 'playwright-core';

import { launchChromium, skipWithoutChromium } from '../../webapp/tests/chromium.ts';
import { waitUntil } from '../support/wait.ts';
import type { DevHost } from './host.ts';
import type { DevNode } from './node.ts';
import { pluginJson, skipWithoutExecutable, startTestHost } from './test-support.ts';

interface Status {
  readonly scraper: { readonly state: string };
}

async function waitForScraper(nodes: readonly DevNode[], timeoutMs: number): Promise<DevNode> {
  return waitUntil(
    'one node scrapes',
    async () => {
      const states = await Promise.all(
        nodes.map(async (node) => (await pluginJson<Status>(node, '/status')).scraper.state),
      );
      const running = nodes.filter((_, index) => states[index] === 'running');
      if (running.length !== 1) throw new Error(states.join(' '));
      return running[0];
    },
    timeoutMs,
  );
}

suite(
  'three nodes in the stand-in host',
  { skip: skipWithoutExecutable || skipWithoutChromium },
  () => {
    let host: DevHost;
    let browser: Browser;
    let page: Page;
    const thrown: Error[] = [];
    const rowOf = (node: DevNode) =>
      page
        .getByRole('table', { name: 'Nodes of the cluster' })
        .getByRole('row', { name: new RegExp(`^${node.name}`) });

    before(async () => {
      ({ host } = await startTestHost({ nodeCount: 3 }));
      browser = await launchChromium();
      page = await browser.newPage();
      page.on('pageerror', (error) => thrown.push(error));
    });
    after(async () => {
      await browser.close();
      await host.close();
    });

    test('the page of a node that stands by shows who scrapes, and all targets up', async () => {
      const scraper = await waitForScraper(host.nodes, 10_000);
      const standing = host.nodes.find((node) => node !== scraper);
      assert.ok(standing);
      await page.goto(standing.url);
      await rowOf(scraper).getByText('Scrapes').waitFor({ timeout: 30_000 });
      await rowOf(standing).getByText('This page is from here.').waitFor();
      const targets = page.getByRole('table', { name: 'Targets' });
      for (const { name } of host.nodes) {
        const target = targets.getByRole('row', { name: new RegExp(`^${name}:.* prometheus`) });
        await target.getByText('Up').waitFor({ timeout: 60_000 });
      }
    });

    test('a node is killed on the page, and another one takes over', async () => {
      const scraper = await waitForScraper(host.nodes, 10_000);
      const others = host.nodes.filter((node) => node !== scraper);
      const switches = page.locator('.console__node', { hasText: scraper.name });
      await switches.getByRole('button', { name: 'Kill', exact: true }).click();
      await switches.getByText('stopped').waitFor();
      const heir = await waitForScraper(others, 30_000);
      await rowOf(heir).getByText('Scrapes').waitFor({ timeout: 30_000 });
      await switches.getByRole('button', { name: 'Start', exact: true }).click();
      await switches.getByText('running').waitFor();
      assert.equal(await waitForScraper(host.nodes, 10_000), heir);
      assert.deepEqual(thrown, []);
    });
  },
);
