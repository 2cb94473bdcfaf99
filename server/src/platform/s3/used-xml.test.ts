import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { usedXml } from './used-xml.ts';

describe('what is used of an answer in XML', () => {
  it('keeps what is read and leaves out everything else, with what is in it', () => {
    const given =
      '<?xml version="1.0"?>\n<ListBucketResult xmlns="http://s3"><Name>b</Name><KeyCount>many</KeyCount>' +
      '<Contents><Key>a&amp;b</Key><Size>3</Size><Owner><ID>1</ID><Key>not ours</Key></Owner>' +
      '<RestoreStatus/><LastModified>2026-12-05T00:00:00Z</LastModified></Contents>' +
      '<IsTruncated>False</IsTruncated></ListBucketResult>';
    assert.equal(
      usedXml(given),
      '\n<ListBucketResult xmlns="http://s3"><Contents><Key>a&amp;b</Key><Size>3</Size>' +
        '<LastModified>2026-12-05T00:00:00.000Z</LastModified></Contents>' +
        '<IsTruncated>false</IsTruncated></ListBucketResult>',
    );
  });

  it('writes times as Amazon does, and leaves out values that nobody understands', () => {
    const upload = (started: string): string =>
      `<R><Upload><Key>k</Key><Initiated>${started}</Initiated></Upload></R>`;
    const time = upload('2026-12-05T01:02:03.000Z');
    for (const given of ['2026-12-05T02:02:03+01:00', 'Sat, 05 Dec 2026 01:02:03 GMT']) {
      assert.equal(usedXml(upload(given)), time, given);
    }
    for (const given of ['', 'yesterday']) {
      assert.equal(usedXml(upload(given)), '<R><Upload><Key>k</Key></Upload></R>', given);
    }
    assert.equal(
      usedXml('<R><Contents><Size>-1</Size></Contents></R>'),
      '<R><Contents></Contents></R>',
    );
  });

  it('passes over byte order marks, comments and prefixes', () => {
    assert.equal(
      usedXml('\uFEFF<R><!-- <Key>no</Key> --><Key><![CDATA[a<b]]></Key></R>'),
      '<R><Key><![CDATA[a<b]]></Key></R>',
    );
    assert.equal(
      usedXml('<s3:R><s3:Key>a</s3:Key><s3:Owner>b</s3:Owner></s3:R>'),
      '<R><Key>a</Key></R>',
    );
  });

  it('gives back what is no XML, and ends on what is broken', () => {
    for (const given of ['', 'Bad Gateway', '{}']) assert.equal(usedXml(given), given);
    for (const given of ['<', '<a', '<a><b', '</a></a>', '<a><x></y></a>', '<html><br></html>']) {
      assert.equal(typeof usedXml(given), 'string');
    }
  });
});
