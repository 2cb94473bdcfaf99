import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { SINGLE_SERVER } from '../../test/support/fake-host.ts';
import { CodedError } from '../base/errors.ts';
import type { TargetStatus } from '../ingest/index.ts';
import { scrapeWarnings } from './scrape-warnings.ts';
import type { ScrapeFacts } from './scrape-warnings.ts';

function target(job: string, up: boolean, lastError?: string): TargetStatus {
  return {
    url: `http://localhost/${job}`,
    job,
    instance: `localhost:${job}`,
    up,
    lastScrapeMs: 1,
    lastDurationMs: 1,
    lastError,
    samples: 0,
    refused: 0,
  };
}

function warnings(facts: Partial<ScrapeFacts>, metricsEnabled = true) {
  const verdicts = scrapeWarnings({
    config: { ...SINGLE_SERVER, metricsEnabled },
    hasLicense: true,
    targets: [],
    wasUp: () => false,
    ...facts,
  });
  return verdicts.filter((verdict) => verdict.warning !== undefined);
}

describe('scrape warnings', () => {
  it('are none when all is well, also before the first scrape', () => {
    assert.deepEqual(
      warnings({ targets: [target('prometheus', true), target('node', false)] }),
      [],
    );
    assert.deepEqual(warnings({ targets: [target('prometheus', false)] }), []);
  });

  it('tell what to do when performance monitoring is off, and only that', () => {
    const targets = [target('prometheus', false, 'connection refused')];
    const [only, ...more] = warnings({ targets, hasLicense: false }, false);
    assert.equal(more.length, 0);
    assert.equal(only.code, 'metrics_disabled');
    assert.match(only.warning?.action ?? '', /Enable Performance Monitoring/);
  });

  it('give the reason when the server does not answer, and name a missing licence', () => {
    const targets = [target('prometheus', false, 'connection refused')];
    const [licensed] = warnings({ targets });
    assert.equal(licensed.code, 'server_not_scraped');
    assert.match(licensed.warning?.message ?? '', /cannot be collected: connection refused\.$/);
    const [unlicensed, ...more] = warnings({ targets, hasLicense: false });
    // The panel leads to the page of the licence by this code.
    assert.deepEqual([unlicensed.code, more], ['license_missing', []]);
    assert.match(unlicensed.warning?.message ?? '', /has no licence/);
    assert.match(unlicensed.warning?.action ?? '', /licence/);
  });

  it('do not nag about a licence while the metrics come in', () => {
    assert.deepEqual(warnings({ targets: [target('prometheus', true)], hasLicense: false }), []);
  });

  it('do not ask whether an exporter runs that has answered', () => {
    const answered = { ...target('node', false, 'no metrics'), failureCode: 'ERR_EXPOSITION' };
    const [lost] = warnings({ targets: [answered], wasUp: () => true });
    assert.equal(lost.code, 'exporter_down');
    assert.match(lost.warning?.action ?? '', /^Make the exporter answer with metrics/);
  });

  it('say what to do about storage that takes nothing, by its reason', () => {
    const actionOf = (code: string): string => {
      const [only, ...more] = warnings({ storeFault: new CodedError(code, 'no') });
      assert.deepEqual([only.code, more.length], ['storing_failed', 0]);
      return only.warning?.action ?? '';
    };
    assert.match(actionOf('ERR_FS_FULL'), /^Free space on the disk/);
    assert.match(actionOf('ERR_ESCROW_FULL'), /database of the Mattermost server/);
    assert.match(actionOf('ERR_HEAD_FULL'), /^Scrape less often/);
  });

  it('miss an exporter only once it was there', () => {
    const targets = [target('node', false, 'connection refused')];
    assert.deepEqual(warnings({ targets }), []);
    const [lost] = warnings({ targets, wasUp: () => true });
    assert.equal(lost.code, 'exporter_down');
    assert.match(lost.warning?.message ?? '', /localhost:node cannot be collected any more/);
  });
});
