import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { defaultSettings, parseSettings, validateSettings } from './parse-settings.ts';
import { SETTING_SPECS } from './settings.ts';

describe('settings', () => {
  it('has the 16 settings and defaults of the Go plugin, lists of targets, and limits of labels and dumps', () => {
    assert.equal(Object.keys(SETTING_SPECS).length, 16 + 2 + 3 + 2);
    assert.deepEqual(
      { ...defaultSettings() },
      {
        dbPath: 'mattermost-plugin-metrics/data',
        allowOverlappingCompaction: true,
        enableMemorySnapshotOnShutdown: true,
        bodySizeLimitBytes: 1_073_741_824,
        sampleLimit: 0,
        bucketLimit: 0,
        labelLimit: 0,
        labelNameLengthLimit: 0,
        labelValueLengthLimit: 0,
        honorTimestamps: true,
        enableMetadataStorage: true,
        scrapeIntervalSeconds: 60,
        scrapeTimeoutSeconds: 10,
        retentionDurationDays: 15,
        fileStoreSyncPeriodMinutes: 60,
        fileStoreCleanupPeriodMinutes: 120,
        supportPacketMetricsDays: 1,
        dumpSizeLimitBytes: 21_474_836_480,
        workerThreads: 0,
        enableNodeExporterTargets: true,
        nodeExporterPort: 9100,
        callsOffloaderHosts: '',
        extraTargets: '',
      },
    );
  });

  it('matches keys without regard to case and takes null as the default', () => {
    const { settings, problems } = parseSettings({
      dbpath: '/var/metrics',
      SCRAPEINTERVALSECONDS: 15,
      ScrapeTimeoutSeconds: null,
      honorTimestamps: false,
      stats: null,
      dumps: 'something of the console page',
      settingofthefuture: { any: 'thing' },
    });
    assert.deepEqual(problems, []);
    assert.equal(settings.dbPath, '/var/metrics');
    assert.equal(settings.scrapeIntervalSeconds, 15);
    assert.equal(settings.scrapeTimeoutSeconds, 10);
    assert.equal(settings.honorTimestamps, false);
  });

  it('cannot be changed by its holders', () => {
    assert.ok(Object.isFrozen(defaultSettings()));
  });

  const bad: [string, unknown, RegExp][] = [
    ['DBPath', '', /^TSDB Path \(DBPath\) must be the path of a folder, but it is ""/],
    ['DBPath', 5, /but it is 5\./],
    ['DBPath', 'a\0b', /path of a folder/],
    [
      'ScrapeIntervalSeconds',
      0,
      /^Scrape interval \(ScrapeIntervalSeconds\) must be a whole number of seconds between 1 and 86400, but it is 0\./,
    ],
    ['ScrapeIntervalSeconds', '60', /but it is "60"\./],
    ['ScrapeIntervalSeconds', 1.5, /but it is 1.5\./],
    ['ScrapeIntervalSeconds', true, /but it is true\./],
    ['ScrapeTimeoutSeconds', -1, /between 1 and/],
    ['BodySizeLimitBytes', 99, /a whole number of bytes, at least 100, but it is 99\./],
    ['BodySizeLimitBytes', 2 ** 60, /at least 100/],
    ['SampleLimit', -1, /at least 0/],
    ['BucketLimit', [], /but it is \[\]\./],
    ['HonorTimestamps', 'yes', /must be true or false, but it is "yes"\./],
    ['EnableMetadataStorage', 1, /true or false/],
    ['AllowOverlappingCompaction', 0, /true or false/],
    ['EnableMemorySnapshotOnShutdown', '', /true or false/],
    ['EnableNodeExporterTargets', {}, /true or false/],
    ['RetentionDurationDays', 0, /between 1 and/],
    ['FileStoreSyncPeriodMinutes', 0, /between 1 and/],
    ['FileStoreCleanupPeriodMinutes', 1e12, /between 1 and/],
    ['SupportPacketMetricsDays', 0, /between 1 and/],
    ['NodeExporterPort', 65536, /between 1 and 65535, but it is 65536\./],
    ['NodeExporterPort', Number.NaN, /but it is NaN\./],
    ['CallsOffloaderHosts', 'a b:x', /must be a list of hosts: host or host:port in "b:x"/],
    ['ExtraTargets', 'db1:9187 postgres', /one target per line.*a URL such as/],
    ['ExtraTargets', [], /a text/],
  ];
  for (const [key, value, message] of bad) {
    it(`refuses ${key} = ${JSON.stringify(value)} with one sentence, and keeps its default`, () => {
      const { settings, problems } = parseSettings({ [key.toLowerCase()]: value });
      assert.deepEqual(
        problems.map((problem) => problem.key),
        [key],
      );
      assert.match(problems[0].message, message);
      assert.deepEqual({ ...settings }, { ...defaultSettings() });
    });
  }

  it('reports every problem, and quotes long values only in part', () => {
    const problems = validateSettings({ sampleLimit: 'x'.repeat(5000), nodeExporterPort: 0 });
    assert.equal(problems.length, 2);
    for (const { message } of problems) assert.ok(message.length < 200, message);
  });

  it('accepts what the Go plugin accepted: a timeout longer than the interval', () => {
    assert.deepEqual(validateSettings({ scrapeintervalseconds: 5 }), []);
  });
});
