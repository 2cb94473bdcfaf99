import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { removeGoWrecks } from './go-wrecks.ts';

const JOB = 'icufji84mbnnidu5xagaxnscuw';
const DATA = `dump/${JOB}/data`;
const ULID = '01M82H1M1AKNSAH96G4139ASBH';
const isIdle = async (): Promise<boolean> => false;

async function folderWith(...paths: string[]): Promise<MemoryFs> {
  const fs = new MemoryFs();
  for (const path of paths) {
    await fs.makeDir(path.slice(0, path.lastIndexOf('/')));
    const file = await fs.open(path, 'create');
    await file.write(new Uint8Array(3));
    await file.close();
  }
  return fs;
}

describe('remains of the Go plugin’s dumps', () => {
  it('go with all that a killed dump leaves, and with the folder that held them', async () => {
    const fs = await folderWith(
      `${DATA}/${ULID}/chunks/000001`,
      `${DATA}/${ULID}.tmp-for-creation/index`,
      `${DATA}/wal/00000000`,
      `${DATA}/lock`,
      `${DATA}/metadata.yaml`,
      `dump/${JOB}/tsdb_dump.tar.gz`,
    );
    await fs.makeDir('dump/5m3sm4obspdxm8rcu934wkgw8a');
    assert.equal(await removeGoWrecks(fs, isIdle), true);
    assert.equal(await fs.stat('dump'), undefined);
  });

  for (const other of [
    'dump/notes.txt',
    'dump/postgres/backup.sql',
    `dump/${JOB}/backup.sql`,
    `${DATA}/customers.csv`,
    `dump/${JOB}/tsdb/index`,
  ]) {
    it(`are not ${other}, which stays`, async () => {
      const fs = await folderWith(other, `dump/5m3sm4obspdxm8rcu934wkgw8a/data/wal/00000000`);
      assert.equal(await removeGoWrecks(fs, isIdle), true);
      assert.notEqual(await fs.stat(other), undefined);
      assert.equal(await fs.stat('dump/5m3sm4obspdxm8rcu934wkgw8a'), undefined);
    });
  }

  it('stay while a Go node works on them', async () => {
    const fs = await folderWith(`${DATA}/wal/00000000`);
    assert.equal(await removeGoWrecks(fs, async (id) => id === JOB), false);
    assert.notEqual(await fs.stat(DATA), undefined);
    assert.equal(await removeGoWrecks(fs, isIdle), true);
    assert.equal(await fs.stat('dump'), undefined);
  });

  it('need not be there', async () => {
    assert.equal(await removeGoWrecks(new MemoryFs(), isIdle), true);
  });
});
