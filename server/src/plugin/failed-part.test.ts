import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { CodedError } from '../base/errors.ts';
import { STORE_BLOCKS_DIR } from '../filestore/layout.ts';
import { DATABASE_FAILURE, failedPart } from './failed-part.ts';

describe('what failed, for the log', () => {
  const failure = (path: string): CodedError => new CodedError('ERR_FILESTORE', 'no', { path });

  it('is the database, the disk or the store, by the error within', () => {
    const within = (cause: unknown): CodedError => new CodedError('ERR_BLOCKSYNC', 'no', {}, cause);
    assert.match(failedPart(new CodedError(DATABASE_FAILURE, 'no')), /database/);
    assert.match(failedPart(within(failure('01ARZ3NDEKTSV4RRFFQ69G5F00/index'))), /local disk/);
    assert.match(failedPart(failure('upkeep-work/merged')), /local disk/);
    assert.match(failedPart(within(failure(`${STORE_BLOCKS_DIR}/x/index`))), /file store/);
    assert.match(failedPart(new Error('no')), /file store/);
  });
});
