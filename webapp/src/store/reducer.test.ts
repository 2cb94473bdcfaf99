import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FAILED, RECEIVED, REQUESTED } from './actions.ts';
import type { PanelAction } from './actions.ts';
import { reducer } from './reducer.ts';
import { initialState } from './state.ts';
import type { PanelState } from './state.ts';

const STATS = { min_t: 1, max_t: 2, num_series: 3, num_samples: 4 };

function after(...actions: PanelAction[]): PanelState {
  return actions.reduce(reducer, initialState);
}

function requested(requestId: number): PanelAction {
  return { type: REQUESTED, resource: 'stats', requestId };
}

function received(requestId: number, clockAheadMs?: number): PanelAction {
  return { type: RECEIVED, resource: 'stats', requestId, data: STATS, clockAheadMs };
}

function failed(requestId: number): PanelAction {
  const failure = { kind: 'server', detail: 'disk full' } as const;
  return { type: FAILED, resource: 'stats', requestId, failure };
}

test('an answer replaces the failure before it', () => {
  const state = after(requested(1), failed(1), requested(2), received(2));
  assert.deepEqual(state.stats, { requestId: 2, loading: false, data: STATS });
});

test('a failure keeps the newest good answer', () => {
  const state = after(requested(1), received(1), requested(2), failed(2));
  assert.deepEqual(state.stats.data, STATS);
  assert.equal(state.stats.failure?.detail, 'disk full');
});

test('a failure stays on show while the next request is under way', () => {
  const state = after(requested(1), failed(1), requested(2));
  assert.equal(state.stats.loading, true);
  assert.equal(state.stats.failure?.kind, 'server');
});

test('an overtaken answer is dropped', () => {
  const state = after(requested(1), requested(2), received(1));
  assert.equal(state.stats.data, undefined);
  assert.equal(state.stats.loading, true);
});

test('an overtaken failure is dropped', () => {
  assert.equal(after(requested(1), requested(2), failed(1)).stats.failure, undefined);
});

test('small differences of the clocks are noise, an answer without a date says nothing', () => {
  assert.equal(after(requested(1), received(1, 4_000)).clockAheadMs, 0);
  assert.equal(after(requested(1), received(1, -90_000)).clockAheadMs, -90_000);
  const state = after(requested(1), received(1, -90_000), requested(2), received(2));
  assert.equal(state.clockAheadMs, -90_000);
});

test('actions of others leave the state as it is', () => {
  const foreign = { type: 'RECEIVED_POSTS' };
  // @mattermost/types has no type for the actions of the whole web app.
  assert.equal(Reflect.apply(reducer, undefined, [initialState, foreign]), initialState);
});
