import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  authorize,
  certificatesComplaint,
  damagedCertificates,
  parseCredentials,
} from './target-credentials.ts';

test('credentials: bearer tokens and passwords, with spaces where passwords have them', () => {
  const text = '# of the databases\ndbs bearer eyJ.x-y_z=\n\nproxy basic jürgen pass: w örd';
  const { entries, problems } = parseCredentials(text);
  assert.deepEqual(problems, []);
  assert.deepEqual(entries, [
    { name: 'dbs', authorization: 'Bearer eyJ.x-y_z=', line: 2 },
    {
      name: 'proxy',
      authorization: `Basic ${Buffer.from('jürgen:pass: w örd').toString('base64')}`,
      line: 4,
    },
  ]);
});

const BAD: [text: string, reason: RegExp][] = [
  ['S3cret', /name bearer TOKEN or/],
  ['S3cret!! bearer x', /name bearer TOKEN or/],
  ['dbs bearer', /name bearer TOKEN or/],
  ['dbs bearer S3cret S3cret', /without spaces/],
  ['dbs bearer S3crét', /without spaces/],
  ['dbs S3cret x', /bearer or basic/],
  ['dbs basic S3cret', /a user name and a password/],
  ['dbs basic S3:cret x', /no colon/],
  ['first bearer S3cret', /the name is that of line 1/],
];

for (const [text, reason] of BAD) {
  test(`credentials: ${text} is left out, without being quoted`, () => {
    const { entries, problems } = parseCredentials(`first bearer x\n${text}\nlast bearer x`);
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['first', 'last'],
    );
    assert.match(problems.join(), reason);
    assert.match(problems.join(), /^line 2: /);
    assert.ok(!problems.join().includes('S3'), problems.join());
  });
}

test('a target without what it names is left out, and the others are not', () => {
  const target = { url: 'http://a/', job: 'a', labels: {} };
  const credentials = parseCredentials('dbs bearer x').entries;
  const targets = [
    { ...target, line: 1 },
    { ...target, line: 2, credential: 'dbs' },
    { ...target, line: 3, credential: 'S3cret' },
  ];
  const { entries, problems } = authorize(targets, credentials);
  assert.deepEqual(
    entries.map(({ line, authorization }) => [line, authorization]),
    [
      [1, undefined],
      [2, 'Bearer x'],
    ],
  );
  assert.deepEqual(problems, ['line 3: TargetCredentials has no valid line with this name']);
});

test('certificates: several with words between them', () => {
  const one = '-----BEGIN CERTIFICATE-----\nMIIB+/x\nabc==\n-----END CERTIFICATE-----\n';
  assert.equal(
    certificatesComplaint(`# my-ca\r\n${one}second\n${one.replaceAll('\n', '\r\n')}`),
    undefined,
  );
  assert.equal(certificatesComplaint(' \n'), undefined);
  for (const bad of ['x', `${one}-----BEGIN X-----`, one.replace('MII', '%%%')]) {
    assert.match(certificatesComplaint(bad) ?? '', /PEM form/);
  }
});

test('certificates: a damaged one is named, and the others are not', () => {
  const one = '-----BEGIN CERTIFICATE-----\nMAMC\nAQU=\n-----END CERTIFICATE-----\n';
  assert.deepEqual(damagedCertificates(one + one.replaceAll('\n', '\r\n')), []);
  for (const body of ['MAMC\nAQ==', 'MAMCAQUF', 'MIIBAQU=', 'MAMCA', 'M']) {
    const bad = one.replace('MAMC\nAQU=', body);
    assert.deepEqual(damagedCertificates(one + bad), ['certificate 2: it is not whole'], body);
  }
  // As long as OpenSSL makes them.
  const long = Buffer.concat([Buffer.from([0x30, 0x82, 1, 0]), Buffer.alloc(256)]);
  assert.deepEqual(damagedCertificates(one.replace('MAMC\nAQU=', long.toString('base64'))), []);
});
