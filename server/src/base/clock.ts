/** Time as the pure layers see it, so that tests drive it. */
export interface Clock {
  /** Wall clock, milliseconds since 1970 UTC. It may jump in either direction. */
  nowMs(): number;
  /** A clock without jumps; only differences mean something. */
  monotonicMs(): number;
  /**
   * Resolves after `delayMs` (0 or more), or rejects with the signal's reason as soon as it is
   * aborted. `sleep(0)` lets waiting input and timers have their turn first, no longer. The timer
   * keeps no process alive.
   */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}
