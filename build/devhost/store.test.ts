// One contract for both databases of the stand-in host, and what a node's link to them does.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';

import { queryDatabaseTime } from '../../server/src/services/cluster/database-time.ts';
import type { Query } from '../../server/src/services/cluster/nodes.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { temporaryDir } from '../support/temporary.ts';
import { NodeLink } from './node-link.ts';
import { PostgresDatabase } from './postgres-store.ts';
import { SqliteDatabase } from './sqlite-store.ts';
import type { Database, Store } from './store.ts';
import { skipWithoutPostgres } from './test-support.ts';

const one = Uint8Array.of(1);
const two = Uint8Array.of(2);

interface Bed {
  readonly open: (nowMs: () => number) => Promise<Database>;
  readonly close: () => Promise<void>;
}

function testStore(name: string, skip: string | false, start: () => Promise<Bed>): void {
  suite(`the store of the stand-in host in ${name}`, { skip }, () => {
    const clock = { nowMs: 1_000 };
    const link = new NodeLink();
    let bed: Bed;
    let database: Database;
    let store: Store;
    before(async () => {
      bed = await start();
      database = await bed.open(() => clock.nowMs);
      store = await database.connect(link);
    });
    after(async () => {
      await store?.close();
      await database?.close();
      await bed?.close();
    });

    test('an atomic write succeeds only over the expected value', async () => {
      const write = (value: Uint8Array | null, oldValue: Uint8Array | null): Promise<boolean> =>
        store.kvSetWithOptions('k', value, { atomic: true, oldValue, expireInSeconds: 0 });
      assert.equal(await write(one, null), true);
      assert.equal(await write(two, null), false);
      assert.equal(await write(two, one), true);
      assert.deepEqual(await store.kvGet('k'), two);
      assert.equal(await write(null, one), false);
      assert.equal(await write(null, two), true);
      assert.equal(await store.kvGet('k'), null);
    });

    test('of many nodes that write one key at once, one succeeds', async () => {
      const others = await Promise.all([1, 2, 3].map(() => database.connect(new NodeLink())));
      const options = { atomic: true, oldValue: null, expireInSeconds: 0 };
      const written = await Promise.all(
        [store, ...others].map((each) => each.kvSetWithOptions('race', one, options)),
      );
      assert.equal(written.filter(Boolean).length, 1);
      for (const other of others) await other.close();
      await store.kvDelete('race');
    });

    test('an expired key is absent for reading, listing and atomic writes', async () => {
      await store.kvSet('b', one, 15);
      await store.kvSet('a', one);
      assert.deepEqual(await store.kvList(0, 10), ['a', 'b']);
      const renewal = { atomic: true, oldValue: one, expireInSeconds: 15 };
      clock.nowMs += 14_000;
      assert.equal(await store.kvSetWithOptions('b', one, renewal), true);
      clock.nowMs += 15_000;
      assert.equal(await store.kvGet('b'), null);
      assert.deepEqual(await store.kvList(0, 10), ['a']);
      assert.equal(await store.kvSetWithOptions('b', one, renewal), false);
      const insertion = { atomic: true, oldValue: null, expireInSeconds: 0 };
      assert.equal(await store.kvSetWithOptions('b', two, insertion), true);
      await store.kvDeleteAll();
      assert.deepEqual(await store.kvList(0, 10), []);
    });

    test('keys come in pages, and an empty value deletes', async () => {
      for (const key of ['c', 'a', 'b']) await store.kvSet(key, one);
      assert.deepEqual(await store.kvList(0, 2), ['a', 'b']);
      assert.deepEqual(await store.kvList(1, 2), ['c']);
      await store.kvSet('a', new Uint8Array());
      assert.deepEqual(await store.kvList(0, 2), ['b', 'c']);
      await assert.rejects(store.kvSet('x'.repeat(151), one), /invalid key/);
    });

    test('it tells its time', async () => {
      const query: Query = async (sql, args) => {
        const { values } = await store.query(sql, args);
        return { rows: values.map((row) => [...row]) };
      };
      const toldMs = await queryDatabaseTime(query, 'postgres');
      assert.ok(Math.abs((toldMs ?? 0) - Date.now()) < 60_000, String(toldMs));
    });

    test("a query takes PostgreSQL's placeholders, in any order and more than once", async () => {
      const sql = 'SELECT $2 AS b, $1 AS a, $2 AS c';
      const rows = await store.query(sql, ['x', 'y']);
      assert.deepEqual(rows, { columns: ['b', 'a', 'c'], values: [['y', 'x', 'y']] });
      await store.pingNode('app1');
      const nodes = 'SELECT hostname, lastpingat FROM ClusterDiscovery WHERE Type = $1';
      assert.deepEqual(await store.query(nodes, ['mattermost_app']), {
        columns: ['hostname', 'lastpingat'],
        values: [['app1', clock.nowMs]],
      });
      await store.removeNode('app1');
      assert.deepEqual((await store.query(nodes, ['mattermost_app'])).values, []);
      await assert.rejects(store.query('SELECT nonsense', []), /nonsense/);
    });

    test('a link that is cut fails calls, a silent one holds them back, both mend', async () => {
      await store.kvSet('k', one);
      link.database = 'cut';
      await assert.rejects(store.kvGet('k'));
      link.database = 'well';
      assert.deepEqual(await store.kvGet('k'), one);
      link.database = 'silent';
      const log: string[] = [];
      const held = store.kvGet('k').then((value) => {
        log.push('answered');
        return value;
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
      log.push('mended');
      link.database = 'well';
      assert.deepEqual(await held, one);
      assert.deepEqual(log, ['mended', 'answered']);
    });
  });
}

testStore('SQLite', false, () =>
  Promise.resolve({
    open: (nowMs) => Promise.resolve(new SqliteDatabase(':memory:', nowMs)),
    close: () => Promise.resolve(),
  }),
);
testStore('PostgreSQL', skipWithoutPostgres, async () => {
  const postgres: Postgres = await startPostgres(temporaryDir('store'));
  return {
    open: (nowMs) => PostgresDatabase.open(postgres.dsn, nowMs),
    close: () => postgres.stop(),
  };
});
