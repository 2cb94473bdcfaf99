import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CodedError, describeError } from '../../base/errors.ts';
import { parseObject } from './json.ts';

test('an object, and nothing for null', () => {
  assert.deepEqual(parseObject('{"a":1}'), { a: 1 });
  assert.deepEqual(parseObject('null'), {});
});

for (const text of ['S3cret', '{"a":"S3cret"', '{"S3cret"}', '"S3cret"', '["S3cret"]', '']) {
  test(`${text} is refused, and what stands in it is not quoted`, () => {
    assert.throws(
      () => parseObject(text),
      (error) => {
        assert.ok(error instanceof CodedError && error.code === 'ERR_MATTERMOST_JSON');
        return !describeError(error).includes('S3');
      },
    );
  });
}
