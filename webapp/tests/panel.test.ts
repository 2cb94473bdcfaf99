// The built bundle in a real browser, registered and shown as the System Console does it, against a
// plugin whose answers the tests decide.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';

import type { Browser, Page } from 'playwright-core';

import { bundleConsole } from '../../build/devhost/console.ts';
import type { ReactMajor } from '../../build/devhost/console.ts';
import manifest from '../../plugin.json' with { type: 'json' };
import type { Job } from '../src/types/api.ts';
import { launchChromium, skipWithoutChromium } from './chromium.ts';
import { emptyStatus, target } from './fake_plugin.ts';
import type { FakePlugin } from './fake_plugin.ts';
import { FakeServer } from './fake_server.ts';

const HOUR_MS = 3_600_000;
const bundleFile = path.join(import.meta.dirname, '../dist/main.js');

interface Panel {
  page: Page;
  plugin: FakePlugin;
  server: FakeServer;
}

interface OpenOptions {
  react?: ReactMajor;
  subPath?: string;
  prepare?: (plugin: FakePlugin) => void;
}

let browser: Browser;
let workDir: string;

function consoleDir(react: ReactMajor): string {
  return path.join(workDir, `react-${react}`);
}

/** Opens the settings page, runs the test on it, and checks that the page threw nothing. */
async function withPanel(options: OpenOptions, use: (panel: Panel) => Promise<void>) {
  const { react = 18, subPath = '', prepare } = options;
  const server = await FakeServer.start({ consoleDir: consoleDir(react), bundleFile, subPath });
  const context = await browser.newContext({ locale: 'en-US', timezoneId: 'Europe/Berlin' });
  try {
    prepare?.(server.plugin);
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const thrown: Error[] = [];
    page.on('pageerror', (error) => thrown.push(error));
    await page.goto(server.consoleUrl);
    await button(page, 'Create dump').waitFor();
    await use({ page, plugin: server.plugin, server });
    assert.deepEqual(thrown, []);
  } finally {
    await context.close();
    await server.close();
  }
}

function button(page: Page, name: string) {
  return page.locator('main').getByRole('button', { name, exact: true });
}

// React-bootstrap gives the role to the layer around the dialogue as well.
function dialogue(page: Page) {
  return page.locator('[role=dialog].modal');
}

function inDialogue(page: Page, name: string) {
  return dialogue(page).getByRole('button', { name, exact: true });
}

function row(page: Page, job: Job) {
  return page.locator(`tr[data-job-id="${job.id}"]`);
}

async function dialogueClosed(page: Page) {
  await dialogue(page).waitFor({ state: 'detached' });
}

/** The whole way of a dump, which has to work on every React that servers have. */
async function createAndDownload({ page, plugin, server }: Panel, subPath: string) {
  await page.getByText('No dumps yet.').waitFor();
  await button(page, 'Create dump').click();
  await page.getByLabel('Last 6 hours').check();
  const before = Date.now();
  await inDialogue(page, 'Create dump').click();
  await dialogueClosed(page);

  const [created] = plugin.requests('POST', '/jobs/create');
  assert.equal(created?.headers['x-csrf-token'], 'token-of-the-session');
  assert.equal(created.headers['x-requested-with'], 'XMLHttpRequest');
  const [job] = plugin.jobs;
  assert.ok(job !== undefined && plugin.jobs.length === 1);
  assert.equal(job.max_t - job.min_t, 6 * HOUR_MS);
  assert.ok(Math.abs(job.max_t - before) < 60_000);

  await row(page, job).getByText('Waiting').waitFor();
  plugin.finish(job, { status: 'in_progress', progress: 0.42 });
  await row(page, job).getByText('In progress 42 %').waitFor();
  plugin.finish(job, { status: 'success', size_bytes: 12_345_678 });
  await row(page, job).getByText('Ready').waitFor();
  await row(page, job).getByText('12.3 MB').waitFor();
  await page.getByRole('status').getByText('The dump is ready to download.').waitFor();

  const downloading = page.waitForEvent('download');
  const link = row(page, job).getByRole('link', { name: /^Download dump of/ });
  assert.equal(await link.innerText(), 'Download dump');
  await link.click();
  const download = await downloading;
  const url = `${server.origin}${subPath}/plugins/${manifest.id}/jobs/download/${job.id}`;
  assert.equal(download.url(), url);
  assert.equal(download.suggestedFilename(), 'tsdb_dump.tar.gz');
  await download.delete();
}

suite('the panel in Chromium', { skip: skipWithoutChromium }, () => {
  before(async () => {
    workDir = await mkdtemp(path.join(tmpdir(), 'metrics-panel-'));
    await Promise.all(([17, 18] as const).map((react) => bundleConsole(consoleDir(react), react)));
    browser = await launchChromium();
  });
  after(async () => {
    await browser.close();
    await rm(workDir, { recursive: true, force: true });
  });

  test('a dump is created, watched and downloaded with React 18', () =>
    withPanel({}, (panel) => createAndDownload(panel, '')));

  test('a dump is created, watched and downloaded with React 17', () =>
    withPanel({ react: 17 }, (panel) => createAndDownload(panel, '')));

  test('a dump is created, watched and downloaded on a server with a sub-path', () =>
    withPanel({ subPath: '/chat' }, (panel) => createAndDownload(panel, '/chat')));

  test('figures, targets and warnings tell what is going on', () => {
    const prepare = (plugin: FakePlugin) => {
      plugin.status.warnings = [
        {
          code: 'metrics_disabled',
          message: 'Performance monitoring is off.',
          action: 'Switch it on.',
        },
      ];
      plugin.status.targets.push(
        target({
          url: 'http://localhost:9100/metrics',
          job: 'node',
          instance: 'localhost:9100',
          up: false,
          last_error: 'connection refused',
        }),
        target({ instance: 'other:8067', url: 'http://other:8067/metrics', refused: 3 }),
        target({ instance: 'gone:8067', url: 'http://gone:8067/metrics', up: false }),
      );
    };
    return withPanel({ prepare }, async ({ page }) => {
      await page.getByText('4,371,904').waitFor();
      await page.getByText('2 of 3 servers answer').waitFor();
      const warning = page.getByRole('alert');
      assert.match(await warning.innerText(), /Performance monitoring is off\.\s+Switch it on\./);
      const link = warning.getByRole('link', { name: 'Open settings' });
      const href = '/admin_console/environment/performance_monitoring';
      assert.equal(await link.getAttribute('href'), href);
      const targets = page.getByRole('table', { name: 'Targets' });
      assert.match(
        await targets.getByRole('row', { name: /localhost:8067/ }).innerText(),
        /Up.+846$/s,
      );
      const down = await targets.getByRole('row', { name: /:9100/ }).innerText();
      assert.match(down, /connection refused.+Down/s);
      await targets.getByText('3 samples of the last scrape could not be stored').waitFor();
      await page.getByText(/Last copied to the file store 12m ago/).waitFor();
      // Newest sample "a few seconds ago", with the time in UTC at hand.
      const newest = page.locator('.metrics-figure', { hasText: 'Newest sample' }).locator('time');
      assert.match(await newest.first().innerText(), /^(\d+s ago|now)$/);
      assert.match((await newest.last().getAttribute('title')) ?? '', /^[\d-]{10} [\d:]{8} UTC$/);
    });
  });

  test('what is not answered is shown as it was, with its age, and nothing counts as copied', () => {
    const prepare = (plugin: FakePlugin) => {
      const now = Date.now();
      plugin.status.scraper.state = 'stalled';
      plugin.status.sync = {
        last_success_ms: now - 26_000,
        last_copied_ms: now - 3 * HOUR_MS,
      };
      plugin.stats.as_of = now - 4 * 60_000;
      plugin.ageSeconds = 190;
      plugin.addJob({});
    };
    return withPanel({ prepare }, async ({ page, plugin }) => {
      await page.getByText('Nothing can be stored').waitFor();
      await page.getByText(/does not answer; what is in it counts as of 4m ago/).waitFor();
      await page.getByText(/Last copied to the file store 3h ago/).waitFor();
      await page.getByText(/Nothing to copy .* last checked, \d\ds ago/).waitFor();
      await page.getByText('The list is as of 3 minutes ago').waitFor();
      plugin.ageSeconds = 0;
      plugin.stats = { ...plugin.stats, as_of: Date.now() };
      await page.reload();
      await page.getByText('Nothing can be stored').waitFor();
      assert.equal(await page.getByText('does not answer').count(), 0);
    });
  });

  test('the nodes of a cluster are shown with who scrapes since when', () => {
    const sinceMs = Date.UTC(2026, 0, 2, 3, 4);
    const instance = { version: '0.8.0', since_ms: 0, reported_ms: Date.now() - 9_000 };
    const prepare = (plugin: FakePlugin) => {
      plugin.status.scraper.state = 'waiting';
      plugin.status.cluster = {
        id: 'b',
        scraper: { node: 'app1', since_ms: sinceMs },
        instances: [
          { ...instance, id: 'a', node: 'app1', role: 'scraper', since_ms: sinceMs },
          { ...instance, id: 'b', node: 'app2', role: 'waiting' },
          { ...instance, id: 'c', node: 'app3', role: 'lost' },
        ],
      };
    };
    return withPanel({ prepare }, async ({ page, plugin }) => {
      await page.getByText('Collecting').waitFor();
      const nodes = page.getByRole('table', { name: 'Nodes of the cluster' });
      const rowOf = (node: string) => nodes.getByRole('row', { name: new RegExp(`^${node}`) });
      assert.match(await rowOf('app1').innerText(), /Scrapes.+0\.8\.0.+s ago/s);
      const title = await rowOf('app1').locator('time').first().getAttribute('title');
      assert.equal(title, '2026-01-02 03:04:00 UTC');
      assert.match(await rowOf('app2').innerText(), /This page is from here\..+Stands by/s);
      assert.match(await rowOf('app3').innerText(), /Does not answer/);

      delete plugin.status.cluster?.scraper;
      // The next look comes within 15 s.
      const nobody = page.getByText('No node of this version scrapes right now.');
      await nobody.waitFor({ timeout: 30_000 });
    });
  });

  test('deleting asks first, says when it fails, and keeps the focus on the page', () => {
    const prepare = (plugin: FakePlugin) => {
      plugin.addJob({});
      plugin.addJob({ status: 'error', error: 'The file store is full.' });
    };
    return withPanel({ prepare }, async ({ page, plugin }) => {
      const [failed, kept] = plugin.jobs;
      assert.ok(failed !== undefined && kept !== undefined);
      await row(page, failed).getByText('The file store is full.').waitFor();
      assert.equal(await row(page, failed).getByRole('link').count(), 0);

      const opener = row(page, failed).getByRole('button', { name: /^Delete/ });
      await opener.click();
      await page.getByText('Delete this dump?').waitFor();
      await page.keyboard.press('Escape');
      await dialogueClosed(page);
      assert.ok(await opener.evaluate((element) => element === document.activeElement));
      assert.equal(plugin.requests('DELETE', '/').length, 0);

      plugin.faults.set('/jobs/delete', { status: 500, body: 'read-only file system' });
      await opener.click();
      await inDialogue(page, 'Delete').click();
      await dialogue(page).getByText('read-only file system').waitFor();
      assert.equal(plugin.jobs.length, 2);

      plugin.faults.clear();
      await inDialogue(page, 'Delete').click();
      await dialogueClosed(page);
      assert.deepEqual(plugin.jobs, [kept]);
      await row(page, failed).waitFor({ state: 'detached' });
      const focused = button(page, 'Create dump');
      assert.ok(await focused.evaluate((element) => element === document.activeElement));
    });
  });

  test('deleting all asks first and empties the table', () => {
    const prepare = (plugin: FakePlugin) => {
      plugin.addJob({});
      plugin.addJob({});
    };
    return withPanel({ prepare }, async ({ page, plugin }) => {
      await button(page, 'Delete all').click();
      await page.getByText('All 2 dumps will be removed').waitFor();
      await inDialogue(page, 'Cancel').click();
      await dialogueClosed(page);
      assert.equal(plugin.jobs.length, 2);
      await button(page, 'Delete all').click();
      await inDialogue(page, 'Delete all').click();
      await page.getByText('No dumps yet.').waitFor();
      assert.equal(plugin.requests('DELETE', '/jobs/deleteAll').length, 1);
    });
  });

  test('a running dump is stopped, stays with that as its reason, and is deleted then', () => {
    const prepare = (plugin: FakePlugin) => void plugin.addJob({ status: 'in_progress' });
    return withPanel({ prepare }, async ({ page, plugin }) => {
      const [job] = plugin.jobs;
      assert.ok(job !== undefined);
      assert.equal(
        await row(page, job)
          .getByRole('button', { name: /^Delete/ })
          .count(),
        0,
      );
      await row(page, job)
        .getByRole('button', { name: /^Stop the dump of/ })
        .click();
      await page.getByText('Stop this dump?').waitFor();
      assert.deepEqual(plugin.requests('POST', '/'), []);
      await inDialogue(page, 'Stop it').click();
      await dialogueClosed(page);
      assert.deepEqual(
        plugin.requests('POST', '/').map(({ path: route }) => route),
        [`/jobs/cancel/${job.id}`],
      );
      assert.equal(plugin.requests('DELETE', '/').length, 0);
      await row(page, job).getByText('Cancelled', { exact: true }).waitFor();
      await row(page, job).getByText('This dump was cancelled.').waitFor();
      await page.getByRole('status').getByText('The dump was stopped.').waitFor();
      assert.equal(await row(page, job).getByText('Failed').count(), 0);

      await row(page, job)
        .getByRole('button', { name: /^Delete/ })
        .click();
      await inDialogue(page, 'Delete').click();
      await page.getByText('No dumps yet.').waitFor();
      assert.deepEqual(plugin.jobs, []);
    });
  });

  test('a dump that was ready before it could be stopped stays ready, and the dialogue says why', () => {
    const prepare = (plugin: FakePlugin) => void plugin.addJob({ status: 'in_progress' });
    return withPanel({ prepare }, async ({ page, plugin }) => {
      const [job] = plugin.jobs;
      assert.ok(job !== undefined);
      const message = 'There is no such job, or it is finished.';
      plugin.faults.set('/jobs/cancel', { status: 404, body: JSON.stringify({ message }) });
      await page.getByRole('button', { name: /^Stop the dump of/ }).click();
      plugin.finish(job, { status: 'success' });
      await inDialogue(page, 'Stop it').click();
      await dialogue(page).getByText('The dump could not be stopped').waitFor();
      await dialogue(page).getByText(message).waitFor();
      await inDialogue(page, 'Let it go on').click();
      await row(page, job).getByText('Ready').waitFor();
    });
  });

  test('a range of one s own is checked, and taken in the zone of the browser', () =>
    withPanel({}, async ({ page, plugin, server }) => {
      await button(page, 'Create dump').click();
      await page.getByLabel('Custom range').check();
      await page.getByText('Europe/Berlin').waitFor();
      await page.getByLabel('From', { exact: true }).fill('2024-08-21T12:00');
      await page.getByLabel('To', { exact: true }).fill('2024-08-21T11:00');
      // The dialogue lies in the console's form: Enter must not save the settings.
      await page.keyboard.press('Enter');
      await inDialogue(page, 'Create dump').click();
      const problem = page.getByRole('alert');
      assert.match(await problem.innerText(), /beginning of the range must lie before its end/);
      assert.equal(plugin.jobs.length, 0);

      await page.getByLabel('To', { exact: true }).fill('2024-08-21T12:30');
      assert.equal(await problem.count(), 0);
      await inDialogue(page, 'Create dump').click();
      await dialogueClosed(page);
      // Berlin is two hours ahead in August.
      assert.equal(plugin.jobs[0]?.min_t, Date.UTC(2024, 7, 21, 10, 0));
      assert.equal(plugin.jobs[0].max_t, Date.UTC(2024, 7, 21, 10, 30));
      assert.deepEqual(server.patches, []);
    }));

  test('a refused dump is explained in the dialogue', () =>
    withPanel({}, async ({ page, plugin }) => {
      const message = 'The file store is not writable.';
      plugin.faults.set('/jobs/create', { status: 500, body: JSON.stringify({ message }) });
      await button(page, 'Create dump').click();
      await inDialogue(page, 'Create dump').click();
      await dialogue(page).getByText(`${message} The server's log says more.`).waitFor();
    }));

  test('a plugin that does not run is named, and found again by trying again', () => {
    const down = { status: 404, body: '404 page not found' };
    const prepare = (plugin: FakePlugin) => void plugin.faults.set('/', down);
    return withPanel({ prepare }, async ({ page, plugin }) => {
      await page.getByText('The dumps could not be loaded').waitFor();
      await page.getByText('The state of the plugin could not be loaded').waitFor();
      assert.equal(await page.getByText('Check that it is enabled and running.').count(), 2);
      plugin.faults.clear();
      plugin.addJob({});
      await page.getByRole('button', { name: 'Try again' }).last().click();
      await page.getByText('Ready').waitFor();
      await page.getByRole('button', { name: 'Try again' }).click();
      await page.getByText('4,371,904').waitFor();
      assert.equal(await page.getByRole('alert').count(), 0);
    });
  });

  test('a failed refresh keeps what was known', () => {
    const prepare = (plugin: FakePlugin) => void plugin.addJob({ status: 'pending' });
    return withPanel({ prepare }, async ({ page, plugin }) => {
      await page.getByText('Waiting').waitFor();
      plugin.faults.set('/jobs', { status: 500, body: 'the database is down' });
      await page.getByText('the database is down').waitFor();
      assert.ok(await page.getByText('Waiting').isVisible());
    });
  });

  test('a plugin without /status still shows its figures', () => {
    const prepare = (plugin: FakePlugin) => {
      plugin.faults.set('/status', { status: 404, body: '404 page not found' });
    };
    return withPanel({ prepare }, async ({ page }) => {
      await page.getByText('4,371,904').waitFor();
      await page.getByText('The state of the plugin could not be loaded').waitFor();
    });
  });

  test('other answers than promised are refused, not shown', () => {
    const prepare = (plugin: FakePlugin) => {
      plugin.faults.set('/jobs', { status: 200, body: '<html>Please log in to the proxy</html>' });
    };
    return withPanel({ prepare }, async ({ page }) => {
      await page.getByText('something that this page does not understand').waitFor();
    });
  });

  test('a clock that is off and a new version are pointed out', () => {
    const prepare = (plugin: FakePlugin) => {
      plugin.clockAheadMs = 10 * 60_000;
      plugin.status.version = '99.0.0';
    };
    return withPanel({ prepare }, async ({ page }) => {
      await page.getByText('10 minutes apart').waitFor();
      await page.getByText('The plugin is now version 99.0.0.').waitFor();
    });
  });

  test('a machine without node_exporter is well', () => {
    const prepare = (plugin: FakePlugin) => {
      const last_error = 'connection refused';
      const missing = target({
        job: 'node',
        instance: 'x:9100',
        up: false,
        absent: true,
        last_error,
      });
      plugin.status.targets.push(missing);
    };
    return withPanel({ prepare }, async ({ page }) => {
      await page.getByText('Collecting', { exact: true }).waitFor();
      const text = await page.getByRole('row', { name: /x:9100/ }).innerText();
      assert.match(text, /Optional: node_exporter.*Not installed/s);
      assert.doesNotMatch(text, /Down|connection refused/);
      assert.equal(await page.locator('.metrics-badge--bad').count(), 0);
    });
  });

  test('a server without a licence leads to the page of the licence', () => {
    const prepare = (plugin: FakePlugin) => {
      plugin.status.warnings = [{ code: 'license_missing', message: 'There is no licence.' }];
    };
    return withPanel({ prepare }, async ({ page }) => {
      const link = page.getByRole('alert').getByRole('link', { name: 'Open settings' });
      assert.equal(await link.getAttribute('href'), '/admin_console/about/license');
    });
  });

  test('a plugin on its way up', () => {
    const prepare = (plugin: FakePlugin) => {
      plugin.status = { ...emptyStatus(manifest.version), scraper: { state: 'starting' } };
    };
    return withPanel({ prepare }, ({ page }) => page.getByText('Starting').waitFor());
  });

  test('nothing collected yet', () => {
    const prepare = (plugin: FakePlugin) => {
      plugin.stats = { min_t: 0, max_t: 0, num_series: 0, num_samples: 0 };
      plugin.status = emptyStatus(manifest.version);
    };
    return withPanel({ prepare }, async ({ page }) => {
      await page.getByText('Not collecting').waitFor();
      assert.equal(await page.getByText('None yet').count(), 2);
      await button(page, 'Create dump').click();
      await page.getByText('a dump would be empty').waitFor();
      assert.ok(await page.getByLabel('Everything').isDisabled());
    });
  });

  test('the plain settings around the panel are saved as the console saves them', () =>
    withPanel({}, async ({ page, server }) => {
      await page.getByLabel('TSDB Path:').fill('/var/metrics');
      await button(page, 'Save').click();
      await page.getByText('Saved.').waitFor();
      assert.deepEqual(server.patches, [
        { PluginSettings: { Plugins: { [manifest.id]: { dbpath: '/var/metrics' } } } },
      ]);
    }));
});
