import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { defaultSettings, parseSettings, validateSettings } from './parse-settings.ts';
import { SETTING_SPECS } from './settings.ts';

describe('settings', () => {
  it('has the 16 settings and defaults of the Go plugin, lists of targets and how to ask them, and limits of labels and dumps', () => {
    assert.equal(Object.keys(SETTING_SPECS).length, 16 + 4 + 3 + 2);
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
        targetCredentials: '',
        targetCA: '',
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
    [
      'ExtraTargets',
      ['http://u:S3cret@db1/ x'],
      /^Extra targets \(ExtraTargets\) must be a text\.$/,
    ],
    ['TargetCredentials', 5, /must be a text\.$/],
    ['TargetCA', 'S3cret', /^Target CA \(TargetCA\) must be certificates in PEM form, [^3]*\.$/],
    [
      'TargetCA',
      '-----BEGIN PRIVATE KEY-----\nMIIx\n-----END PRIVATE KEY-----',
      /certificates in PEM/,
    ],
    ['TargetCA', '-----BEGIN CERTIFICATE-----\nMIIx', /certificates in PEM/],
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

  it('judges each entry of a list by itself, and names it by where it stands', () => {
    const extratargets = [
      'http://db1:9187/metrics postgres',
      'http://user:S3cret@db2/metrics postgres',
      '',
      'http://db3/ x credential=nobody',
      'http://db4/ x credential=dbs',
    ].join('\n');
    const targetcredentials = 'dbs bearer S3cret\nbad S3cret';
    const raw = {
      extratargets,
      targetcredentials,
      callsoffloaderhosts: 'a b:S3cret',
      sampleLimit: 5,
    };
    const { settings, problems } = parseSettings(raw);
    assert.deepEqual(
      problems.map(({ message }) => message),
      [
        'Calls offloader hosts (CallsOffloaderHosts), entry 2: host or host:port is expected.',
        'Extra targets (ExtraTargets), line 2: a user name and a password belong into ' +
          'TargetCredentials, not into the URL.',
        'Target credentials (TargetCredentials), line 2: name bearer TOKEN or name basic USER ' +
          'PASSWORD is expected.',
        'Extra targets (ExtraTargets), line 4: TargetCredentials has no valid line with this name.',
      ],
    );
    assert.equal(settings.extraTargets, extratargets);
    assert.equal(settings.callsOffloaderHosts, raw.callsoffloaderhosts);
    assert.equal(settings.sampleLimit, 5);
    const many = validateSettings({ extratargets: 'x\n'.repeat(300) });
    assert.equal(many.length, 6);
    assert.match(many[5].message, /295 more entries/);
  });

  it('takes the mask of a secret, which the server hands to the check of a save, for unchanged', () => {
    const mask = '*'.repeat(32);
    const raw = {
      TargetCredentials: mask,
      TargetCA: mask,
      extratargets: 'http://a/ x credential=b',
    };
    assert.deepEqual(validateSettings(raw), []);
  });

  it('reports every problem, and quotes long values only in part', () => {
    const problems = validateSettings({ sampleLimit: 'x'.repeat(5000), nodeExporterPort: 0 });
    assert.equal(problems.length, 2);
    for (const { message } of problems) assert.ok(message.length < 200, message);
  });

  it('does not refuse what is stored already, since the server saves all of its settings at once', () => {
    const stored = { sampleLimit: -1, extratargets: 'x' };
    const known = validateSettings(stored).map(({ message }) => message);
    assert.equal(known.length, 2);
    assert.deepEqual(validateSettings(stored, known), []);
    const worse = { ...stored, extratargets: 'http://a/ a\nx', sampleLimit: -2 };
    assert.equal(validateSettings(worse, known).length, 2);
  });

  it('accepts what the Go plugin accepted: a timeout longer than the interval', () => {
    assert.deepEqual(validateSettings({ scrapeintervalseconds: 5 }), []);
  });
});
