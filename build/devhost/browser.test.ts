// What `make run` promises, with the buttons pressed in a real browser on the real executable.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';

import type { Browser, Page } from 'playwright-core';

import { launchChromium, skipWithoutChromium } from '../../webapp/tests/chromium.ts';
import { withPrometheus } from '../e2e/prometheus.ts';
import {
  pluginJson,
  skipWithoutExecutable,
  skipWithoutPrometheus,
  startTestHost,
  type TestHost,
  unpack,
} from './test-support.ts';

suite(
  'the page of the stand-in host',
  { skip: skipWithoutExecutable || skipWithoutChromium },
  () => {
    let running: TestHost;
    let browser: Browser;
    let page: Page;
    const thrown: Error[] = [];
    const button = (name: string) => page.getByRole('button', { name, exact: true });

    before(async () => {
      running = await startTestHost();
      browser = await launchChromium();
      page = await browser.newPage();
      page.on('pageerror', (error) => thrown.push(error));
      await page.goto(running.host.url);
      await button('Create dump').first().waitFor();
    });
    after(async () => {
      await browser.close();
      await running.host.close();
    });

    test(
      'a dump is created, downloaded and opened in Prometheus',
      { skip: skipWithoutPrometheus },
      async () => {
        await button('Create dump').first().click();
        await page
          .locator('[role=dialog].modal')
          .getByRole('button', { name: 'Create dump' })
          .click();
        const link = page.getByRole('link', { name: /^Download dump of/ }).first();
        await link.waitFor({ timeout: 60_000 });
        const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
        const dir = unpack(readFileSync(await download.path()));
        await withPrometheus(dir, async (prometheus) => {
          const query = 'time() - max(timestamp(process_resident_memory_bytes)) < 60';
          const { result } = await prometheus.instantQuery(query, Date.now());
          assert.equal(result.length, 1, 'a sample of the last minute');
        });
      },
    );

    test('a slash command answers with a link', async () => {
      const box = page.getByLabel('Slash command');
      await box.fill('/metrics dump');
      await box.press('Enter');
      await page.locator('output', { hasText: '/jobs/download/' }).waitFor({ timeout: 60_000 });
    });

    test('a dump that waits is stopped, stays with its reason, and is deleted then', async () => {
      const dialogue = page.locator('[role=dialog].modal');
      const newest = page.locator('tr[data-job-id]').first();
      const cancelled = newest.getByText('This dump was cancelled.');
      // One dump is made at a time, so that the newest of many has to wait. Where it did not wait long
      // enough to be stopped, there are to be more before it.
      for (let before = 50; !(await cancelled.isVisible()); before *= 2) {
        assert.ok(before <= 200, 'no dump waited for so long that it could be stopped');
        const range = { min_t: Date.now() - 3_600_000, max_t: Date.now() };
        const init = { method: 'POST', body: JSON.stringify(range) };
        for (let i = 0; i < before; i++) await pluginJson(running.host, '/jobs/create', init);
        await button('Create dump').first().click();
        await dialogue.getByRole('button', { name: 'Create dump' }).click();
        await dialogue.waitFor({ state: 'detached' });
        await newest.getByRole('button', { name: /^(Stop|Delete) the dump of/ }).click();
        await dialogue.getByRole('button', { name: /^(Stop it|Delete)$/ }).click();
        // One that has ended meanwhile cannot be stopped, and the dialogue says so.
        while ((await dialogue.count()) > 0) {
          if (await dialogue.getByRole('alert').isVisible()) await page.keyboard.press('Escape');
          await page.waitForTimeout(50);
        }
      }
      await newest.getByText('Cancelled', { exact: true }).waitFor();
      const id = await newest.getAttribute('data-job-id');
      await newest.getByRole('button', { name: /^Delete the dump of/ }).click();
      await dialogue.getByRole('button', { name: 'Delete' }).click();
      await page.locator(`tr[data-job-id="${id}"]`).waitFor({ state: 'detached' });
      const jobs = await pluginJson<{ id: string }[]>(running.host, '/jobs');
      assert.ok(jobs.length > 0 && jobs.every((job) => job.id !== id));
    });

    test('the page threw nothing', () => assert.deepEqual(thrown, []));
  },
);
