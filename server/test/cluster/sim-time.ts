import type { Clock } from '../../src/base/clock.ts';

interface Sleeper {
  readonly clock: NodeClock;
  wakeAtMs: number;
  readonly order: number;
  readonly wake: () => void;
}

/** The time of a simulated world. It moves only when everything that was ready has run. */
export class SimTime {
  nowMs: number;
  #order = 0;
  #sleepers = new Set<Sleeper>();
  /** Sleeps of no length: they let others go first, and end before the time moves. */
  #yielding: (() => void)[] = [];

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  add(clock: NodeClock, delayMs: number, wake: () => void): Sleeper {
    const sleeper = { clock, wakeAtMs: this.nowMs + delayMs, order: this.#order++, wake };
    this.#sleepers.add(sleeper);
    return sleeper;
  }

  remove(sleeper: Sleeper): void {
    this.#sleepers.delete(sleeper);
  }

  /** Nothing of this clock ever wakes again. */
  forget(clock: NodeClock): void {
    for (const sleeper of this.#sleepers) if (sleeper.clock === clock) this.remove(sleeper);
  }

  /** Puts off all that sleeps by this clock. */
  delay(clock: NodeClock, byMs: number): void {
    for (const sleeper of this.#sleepers) if (sleeper.clock === clock) sleeper.wakeAtMs += byMs;
  }

  yield(wake: () => void): void {
    this.#yielding.push(wake);
  }

  /** Runs the world until `untilMs`, from one sleeper that wakes to the next. */
  async runUntil(untilMs: number): Promise<void> {
    await this.#settle();
    for (;;) {
      const next = this.#next(untilMs);
      if (next === undefined) break;
      this.#sleepers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.wakeAtMs);
      next.wake();
      await this.#settle();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  #next(untilMs: number): Sleeper | undefined {
    let best: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (sleeper.wakeAtMs > untilMs || sleeper.clock.isStopped) continue;
      const isEarlier =
        best === undefined ||
        sleeper.wakeAtMs < best.wakeAtMs ||
        (sleeper.wakeAtMs === best.wakeAtMs && sleeper.order < best.order);
      if (isEarlier) best = sleeper;
    }
    return best;
  }

  async #settle(): Promise<void> {
    for (;;) {
      // All promises that are ready run before an immediate does.
      await new Promise((resolve) => setImmediate(resolve));
      const ready = this.#yielding;
      if (ready.length === 0) return;
      this.#yielding = [];
      for (const wake of ready) wake();
    }
  }
}

/** The clocks of one machine, which may be wrong and may stand still. */
export class NodeClock implements Clock {
  readonly #time: SimTime;
  /** By how much the time of day is ahead. */
  aheadMs = 0;
  /** How long the machine was suspended in all: its monotonic clock did not see that. */
  suspendedMs = 0;
  /** While true, nothing wakes up here: the process is stopped, or gone. */
  isStopped = false;

  constructor(time: SimTime) {
    this.#time = time;
  }

  nowMs(): number {
    return this.#time.nowMs + this.aheadMs;
  }

  monotonicMs(): number {
    return this.#time.nowMs - this.suspendedMs;
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      if (delayMs <= 0) {
        this.#time.yield(resolve);
        return;
      }
      const onAbort = (): void => {
        this.#time.remove(sleeper);
        reject(signal?.reason);
      };
      const sleeper = this.#time.add(this, delayMs, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}
