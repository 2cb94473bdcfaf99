import assert from 'node:assert/strict';
import { test } from 'node:test';

import { applyMiddleware, createStore } from 'redux';
import { thunk } from 'redux-thunk';

import { RequestError } from '../client/client.ts';
import type { PluginClient } from '../client/client.ts';
import type { Job, TimeRange } from '../types/api.ts';
import { reducer } from './reducer.ts';
import { makeThunks } from './thunks.ts';
import type { PanelDispatch } from './thunks.ts';

const STATS = { min_t: 1, max_t: 2, num_series: 3, num_samples: 4 };
const STATUS = {
  version: '1.0.0',
  isStarting: false,
  isStalled: false,
  lastSyncMs: 0,
  warnings: [],
  targets: [],
};

function job(id: string): Job {
  return { id, status: 'pending', create_at: 5, min_t: 1, max_t: 2, dump_location: '' };
}

/** A plugin with two dumps, of which the requests are counted. */
class FakePlugin implements PluginClient {
  jobs = [job('a'), job('b')];
  readonly created: TimeRange[] = [];
  failure: Error | undefined;

  #answer<T>(data: T) {
    return { data, clockAheadMs: 0 };
  }
  async getStats() {
    return this.#answer(STATS);
  }
  async getStatus() {
    return this.#answer(STATUS);
  }
  async getJobs() {
    return this.#answer([...this.jobs]);
  }
  async createJob(range: TimeRange) {
    this.#failIfTold();
    this.created.push(range);
    this.jobs.unshift(job('c'));
  }
  async cancelJob(jobId: string) {
    this.#failIfTold();
    const cancelled = { status: 'error', error: 'This dump was cancelled.' } as const;
    this.jobs = this.jobs.map((each) => (each.id === jobId ? { ...each, ...cancelled } : each));
  }
  async deleteJob(jobId: string) {
    this.#failIfTold();
    this.jobs = this.jobs.filter(({ id }) => id !== jobId);
  }
  async deleteAllJobs() {
    this.#failIfTold();
    this.jobs = [];
  }
  #failIfTold() {
    if (this.failure !== undefined) {
      throw this.failure;
    }
  }
}

function setUp() {
  const plugin = new FakePlugin();
  const store = createStore(reducer, applyMiddleware(thunk));
  const dispatch: PanelDispatch = store.dispatch;
  const ids = () => store.getState().jobs.data?.map(({ id }) => id);
  return { plugin, store, dispatch, ids, thunks: makeThunks(plugin) };
}

test('loading fills the state', async () => {
  const { store, dispatch, thunks } = setUp();
  await Promise.all([dispatch(thunks.loadStats()), dispatch(thunks.loadStatus())]);
  assert.deepEqual(store.getState().stats.data, STATS);
  assert.deepEqual(store.getState().status.data, STATUS);
});

test('a created dump is in the table when the promise resolves', async () => {
  const { plugin, dispatch, thunks, ids } = setUp();
  assert.equal(await dispatch(thunks.createDump({ from: 10, to: 20 }, 'tar.gz')), undefined);
  assert.deepEqual(plugin.created, [{ from: 10, to: 20 }]);
  assert.deepEqual(ids(), ['c', 'a', 'b']);
});

test('a cancelled dump stays in the table, with its reason', async () => {
  const { store, dispatch, thunks, ids } = setUp();
  await dispatch(thunks.cancelDump('a'));
  assert.deepEqual(ids(), ['a', 'b']);
  assert.equal(store.getState().jobs.data?.[0]?.error, 'This dump was cancelled.');
});

test('deleted dumps are gone when the promise resolves', async () => {
  const { dispatch, thunks, ids } = setUp();
  await dispatch(thunks.deleteDump('a'));
  assert.deepEqual(ids(), ['b']);
  await dispatch(thunks.deleteAllDumps());
  assert.deepEqual(ids(), []);
});

test('a failed deed is handed back and does not look like a failed table', async () => {
  const { plugin, store, dispatch, thunks, ids } = setUp();
  const failure = { kind: 'server', detail: 'file store not writable' } as const;
  plugin.failure = new RequestError(failure);
  assert.deepEqual(await dispatch(thunks.deleteDump('a')), failure);
  assert.deepEqual(ids(), ['a', 'b']);
  assert.equal(store.getState().jobs.failure, undefined);
});

test('a table that was asked for before a deletion does not bring the dump back', async () => {
  const { plugin, dispatch, thunks, ids } = setUp();
  const before = await plugin.getJobs();
  const held = Promise.withResolvers<typeof before>();
  plugin.getJobs = () => held.promise;
  const slow = dispatch(thunks.loadJobs());
  plugin.getJobs = async () => ({ data: plugin.jobs, clockAheadMs: 0 });
  await dispatch(thunks.deleteDump('a'));
  held.resolve(before);
  await slow;
  assert.deepEqual(ids(), ['b']);
});
