import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Poller } from './poller.ts';
import type { PollerHost } from './poller.ts';

/** A page whose timers go off when the test says so. */
class FakePage implements PollerHost {
  visible = true;
  runs = 0;
  readonly delays: number[] = [];
  #listeners = new Set<() => void>();
  #timer: { id: number; callback: () => void } | undefined;

  isVisible = () => this.visible;
  onVisibilityChange = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  setTimer = (callback: () => void, delayMs: number) => {
    this.delays.push(delayMs);
    this.#timer = { id: this.delays.length, callback };
    return this.#timer.id;
  };
  clearTimer = (id: number) => {
    if (this.#timer?.id === id) {
      this.#timer = undefined;
    }
  };

  get isWaiting() {
    return this.#timer !== undefined;
  }
  get listenerCount() {
    return this.#listeners.size;
  }
  show(visible: boolean) {
    this.visible = visible;
    this.#listeners.forEach((listener) => listener());
  }
  async tick() {
    const timer = this.#timer;
    this.#timer = undefined;
    timer?.callback();
    await settle();
  }
  task = async () => {
    this.runs += 1;
  };
}

async function settle() {
  await new Promise((resolve) => setImmediate(resolve));
}

test('runs at once and again after each delay', async () => {
  const page = new FakePage();
  const poller = new Poller(page.task, 15_000, page);
  await settle();
  await page.tick();
  await page.tick();
  assert.equal(page.runs, 3);
  assert.deepEqual(page.delays, [15_000, 15_000, 15_000]);
  poller.close();
  assert.equal(page.isWaiting, false);
  assert.equal(page.listenerCount, 0);
});

test('a new delay counts for the run that is waited for', async () => {
  const page = new FakePage();
  const poller = new Poller(page.task, 15_000, page);
  await settle();
  poller.setDelay(2_000);
  assert.deepEqual(page.delays, [15_000, 2_000]);
  await page.tick();
  assert.equal(page.runs, 2);
});

test('rests on a hidden page and runs at once when it shows again', async () => {
  const page = new FakePage();
  new Poller(page.task, 15_000, page);
  await settle();
  page.show(false);
  assert.equal(page.isWaiting, false);
  page.show(true);
  await settle();
  assert.equal(page.runs, 2);
  assert.equal(page.isWaiting, true);
});

test('a run that takes long is not joined by another', async () => {
  const page = new FakePage();
  const held = Promise.withResolvers<void>();
  let runs = 0;
  const poller = new Poller(
    () => {
      runs += 1;
      return held.promise;
    },
    15_000,
    page,
  );
  page.show(false);
  page.show(true);
  poller.setDelay(2_000);
  assert.equal(runs, 1);
  assert.equal(page.isWaiting, false);
  held.resolve();
  await settle();
  assert.deepEqual(page.delays, [2_000]);
});

test('a run that ends after the closing is the last', async () => {
  const page = new FakePage();
  const poller = new Poller(page.task, 15_000, page);
  poller.close();
  await settle();
  assert.equal(page.isWaiting, false);
  assert.equal(page.runs, 1);
});
