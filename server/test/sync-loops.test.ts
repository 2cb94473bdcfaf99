// The loops that look after the file store: work that is due is found soon after a start, new settings
// reach each of them, and the log names what failed.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { CodedError } from '../src/base/errors.ts';
import { STORE_BLOCKS_DIR } from '../src/filestore/layout.ts';
import { isUlid, makeUlid } from '../src/model/ulid.ts';
import { SHARED_DIR } from './cluster/gated-fs.ts';
import { DB_DIR } from './cluster/sim-node.ts';
import { SimWorld } from './cluster/sim-world.ts';
import { makeBlock } from './support/make-block.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const BLOCKS = `${SHARED_DIR}/files/${STORE_BLOCKS_DIR}`;
/** Longer than any test. */
const NEVER_MINUTES = 10_000;

function setUp(cleanupMinutes: number) {
  const world = new SimWorld(1, 1);
  world.config = { isCluster: false };
  const setPeriod = (minutes: number): void => {
    world.settings = { scrapeintervalseconds: 60, filestorecleanupperiodminutes: minutes };
  };
  setPeriod(cleanupMinutes);
  return { world, setPeriod, node: world.nodes[0] };
}

/** Three blocks of a window of six hours that has long been over, as many days ago. */
async function putBlocks(world: SimWorld, daysAgo: number): Promise<string[]> {
  const dayMs = Math.floor(world.startMs / (24 * HOUR_MS) - daysAgo) * 24 * HOUR_MS;
  const ulids = [];
  for (let hour = 0; hour < 6; hour += 2) {
    const range = [dayMs + hour * HOUR_MS, dayMs + (hour + 2) * HOUR_MS] as const;
    const ulid = makeUlid(range[1], () => daysAgo / 100);
    const series = [{ labels: { __name__: 'x' }, samples: [[range[0], hour]] as const }];
    await makeBlock(world.shared, BLOCKS, ulid, range, series);
    ulids.push(ulid);
  }
  return ulids;
}

async function areLeft(world: SimWorld, ulids: readonly string[]): Promise<number> {
  const names = (await world.shared.list(BLOCKS)).map(({ name }) => name);
  return ulids.filter((ulid) => names.includes(ulid)).length;
}

describe('the loops of the file store', () => {
  it('merge what is due within five minutes of a start, whatever the period', async () => {
    const { world, node } = setUp(NEVER_MINUTES);
    const ulids = await putBlocks(world, 2);
    node.start();
    await world.runFor(5 * MINUTE_MS);
    assert.equal(await areLeft(world, ulids), 0);
  });

  it('hear of a lower period at once, and go on by it', async () => {
    const { world, node, setPeriod } = setUp(NEVER_MINUTES);
    node.start();
    await world.runFor(10 * MINUTE_MS);
    const first = await putBlocks(world, 2);
    const expired = await putBlocks(world, 20);
    await world.runFor(HOUR_MS);
    assert.deepEqual([await areLeft(world, first), await areLeft(world, expired)], [3, 3]);
    setPeriod(2);
    void node.plugin?.reconfigure();
    await world.runFor(5 * MINUTE_MS);
    assert.deepEqual([await areLeft(world, first), await areLeft(world, expired)], [0, 0]);
    const second = await putBlocks(world, 3);
    await world.runFor(5 * MINUTE_MS);
    assert.equal(await areLeft(world, second), 0);
  });

  it('name the database when it was the database that failed', async () => {
    const { world, node } = setUp(1);
    node.start();
    await world.runFor(10 * MINUTE_MS);
    node.log.length = 0;
    node.link.isCut = true;
    await world.runFor(10 * MINUTE_MS);
    const complaints = node.log.filter((line) => / warn: .*(broke off|file store)/.test(line));
    assert.ok(
      complaints.some((line) => line.includes('clean-up')),
      node.log.join('\n'),
    );
    for (const line of complaints) {
      assert.match(line, /the database of the Mattermost server failed/);
    }
  });

  it('bring blocks to the store soon after it works again, whatever the period', async () => {
    const { world, node } = setUp(NEVER_MINUTES);
    world.settings = { ...world.settings, filestoresyncperiodminutes: NEVER_MINUTES };
    const { open } = world.shared;
    world.shared.open = (path) =>
      Promise.reject(new CodedError('ERR_FS_DENIED', 'not now', { path }));
    node.start();
    await world.runFor(HOUR_MS);
    // No further block that would wake the loop.
    node.scrapeSilence.begin();
    await world.runFor(5 * HOUR_MS);
    world.shared.open = open;
    await world.runFor(3 * MINUTE_MS);
    const stored = (await world.shared.list(BLOCKS)).length;
    const local = (await node.disk.list(DB_DIR)).filter(({ name }) => isUlid(name)).length;
    assert.ok(local > 2 && stored === local, `${stored} of ${local} are stored`);
    node.kill();
  });
});
