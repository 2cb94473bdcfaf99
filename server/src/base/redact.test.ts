import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { redactText, redactUrl } from './redact.ts';

describe('redaction', () => {
  const urls: [url: string, shown: string][] = [
    ['http://db1:9187/metrics', 'http://db1:9187/metrics'],
    ['http://[fe80::1%25eth0]:1/a@b', 'http://[fe80::1%25eth0]:1/a@b'],
    ['http://db1:9187/a@b', 'http://db1:9187/a@b'],
    ['http://user:S3cret@db1/', 'http://…@db1/'],
    ['http://S3cret@db1/', 'http://…@db1/'],
    ['http://user:S3@cret@db1/', 'http://…@db1/'],
    ['http://user:S3/cr?e#t@db1/x', 'http://…@db1/x'],
    ['http://db1/m?token=S3cret&module=S3cret', 'http://db1/m?token=…&module=…'],
    ['http://db1/m?S3cret', 'http://db1/m?…'],
    ['http://db1/m?a=S3=cret#S3cret', 'http://db1/m?a=…#…'],
    ['http://db1/m#S3cret', 'http://db1/m#…'],
    ['/m?token=S3cret', '/m?token=…'],
    ['http:user:S3cret@db1/', 'http:…@db1/'],
    ['http:///user:S3cret@db1/', 'http:///…@db1/'],
    ['http:\\\\user:S3cret@db1/', 'http:\\\\…@db1/'],
    ['postgres://mm:S3cr', 'postgres://…'],
  ];
  for (const [url, shown] of urls) {
    it(`shows ${url} as ${shown}`, () => assert.equal(redactUrl(url), shown));
  }

  const texts: [text: string, shown: string][] = [
    ['no answer (url: http://db1/?t=S3cret, x: 1)', 'no answer (url: http://db1/?t=…, x: 1)'],
    ['dial postgres://mm:S3cret@db/mm?x=1: refused', 'dial postgres://…@db/mm?x=…: refused'],
    ['host=db password=S3cret user=mm', 'host=db password=… user=mm'],
    ["password='S3 cret'", 'password=…'],
    ['{"secret_key": "S3cret","a":"b"}', '{"secret_key": …,"a":"b"}'],
    ['DefaultEndpoint;AccountKey=S3cret==;x=y', 'DefaultEndpoint;AccountKey=…;x=y'],
    ['host=db password = S3cret user=mm', 'host=db password = … user=mm'],
    ['id=a&client_secret=S3cret&b=c', 'id=a&client_secret=…&b=c'],
    ['{"aws_session_token":"S3cret"}', '{"aws_session_token":…}'],
    ['AWS_SECRET_ACCESS_KEY=S3cret x', 'AWS_SECRET_ACCESS_KEY=… x'],
    ['PGPASSWORD=S3cret x', 'PGPASSWORD=… x'],
    ['client_assertion=S3.cr.et&x=y', 'client_assertion=…&x=y'],
    ['x-api-key=S3cret; sig=S3cret', 'x-api-key=…; sig=…'],
    ['tokens=5 config=a', 'tokens=5 config=a'],
    ['Authorization: Bearer S3cret.S3cret', 'Authorization: Bearer …'],
    ['basic metrics are fine', 'basic metrics are fine'],
    // Passwords that nobody has escaped.
    ['dial postgres://mm:S3 c\'r"e<t`@db/mm: no', 'dial postgres://…@db/mm: no'],
    ['parse "postgres://mm:S3\\"cret@db/mm": no', 'parse "postgres://…@db/mm": no'],
    ['Get "http://db1:9187/?a=\'S3<cret": no', 'Get "http://db1:9187/?a=…": no'],
    ['http://db1:9187: no, ask a@b', 'http://db1:9187: no, ask a@b'],
    ['dial mm:S3/c@ret@tcp(db:3306)/mm: no', 'dial …@tcp(db:3306)/mm: no'],
    ['(password=S3,c;r)e&t)', '(password=…)'],
    ['password="S3\\"cret" x', 'password=… x'],
    ["password='S3\\'c''ret' x", 'password=… x'],
    ['{\\"password\\":\\"S3cret\\"} x', '{\\"password\\":…'],
    ['password: S3cret', 'password: …'],
    ["{'token': 'S3cret'}", "{'token': …}"],
    ['X-Vault-Token: S3cret', 'X-Vault-Token: …'],
    ['Authorization: Token S3cret', 'Authorization: Token …'],
    ['Authorization: S3cret!', 'Authorization: …'],
    ['Bearer S3!cret', 'Bearer …'],
    ['Set-Cookie: a=S3; b=cret', 'Set-Cookie: …'],
    ['the key of series 5 = 6', 'the key of series 5 = 6'],
  ];
  for (const [text, shown] of texts) {
    it(`says ${shown}`, () => assert.equal(redactText(text), shown));
  }

  it('ends with texts of any kind, and makes none much longer', () => {
    for (const piece of [
      'a',
      'a.',
      'a-',
      ',',
      'basic ',
      '" :',
      '@',
      ':',
      '?',
      'http://',
      'a:',
      'token=',
      '"',
      '= ',
      'token="',
      'token=\\"',
      'password=&a',
      'a://b:',
      'a:b@',
      'http://?,',
      'cookie: ',
      'Authorization: Basic ',
    ]) {
      const text = piece.repeat(100_000);
      assert.ok(redactText(text).length <= text.length + 10);
      assert.ok(redactUrl(`http://${text}`).length <= text.length + 200_020);
    }
  });
});
