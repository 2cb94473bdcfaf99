import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { RepeatingTask } from '../../base/sync/repeating-task.ts';

/** Something whose silence is worth a word. */
export interface WatchedPart {
  /** What people call it, as in "… does not answer"; only of parts that others wait for. */
  readonly name?: string;
  /** How long its work may stand still, asked at each look; a new limit counts from then on. */
  readonly limitMs: () => number;
  /** Told at each look while its work stands still for longer, and with undefined while none does. */
  readonly report: (silence: Silence | undefined) => void;
}

/** Work that stands still. */
export interface Silence {
  /** When it last moved, Unix milliseconds. */
  readonly sinceMs: number;
  /** Which of the part's work it is. */
  readonly key: string;
}

/** How often the watchdog looks. */
const LOOK_MS = 5_000;

/**
 * Hears of absence: a call that hangs fails nowhere, and a loop that waits for it complains to
 * nobody. Whoever waits for others says so here, and the watchdog tells which of them stand still.
 *
 * Time counts while this process runs: one that was stopped, or whose machine was suspended, finds
 * nobody guilty when it goes on.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #looks: RepeatingTask;
  readonly #parts = new Set<WatchedPart>();
  readonly #works = new Set<WatchedWork>();
  #awakeMs = 0;
  #lookedMs: number;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#lookedMs = clock.monotonicMs();
    this.#looks = new RepeatingTask({
      clock,
      periodMs: () => LOOK_MS,
      run: async () => this.#look(),
      onError: (error) => logger.error('The watchdog cannot look', { error }),
    });
  }

  start(): void {
    this.#looks.start();
  }

  async stop(): Promise<void> {
    await this.#looks.stop();
  }

  /**
   * Work of a part begins. What was begun earlier with the same key counts for nothing once later
   * work with it has ended well.
   */
  begin(part: WatchedPart, key = ''): WatchedWork {
    this.#parts.add(part);
    const work: WatchedWork = new WatchedWork(part, key, {
      now: () => ({ awakeMs: this.#awake(), wallMs: this.#clock.nowMs() }),
      onEnd: (isWell) => {
        this.#works.delete(work);
        if (isWell) this.#forget(work);
      },
    });
    this.#works.add(work);
    return work;
  }

  /** Follows `run` until it has settled. */
  async follow<T>(part: WatchedPart, key: string, run: () => Promise<T>): Promise<T> {
    const work = this.begin(part, key);
    let isWell = false;
    try {
      const result = await run();
      isWell = true;
      return result;
    } finally {
      work.end(isWell);
    }
  }

  /** All work of a part has moved on. */
  move(part: WatchedPart): void {
    for (const work of this.#works) if (work.part === part) work.move();
  }

  /** The name of the part that has kept others waiting for the longest time, from `limitMs` on. */
  slowest(limitMs: number): string | undefined {
    const works = [...this.#works].filter(({ part }) => part.name !== undefined);
    return this.#longest(works, limitMs)?.part.name;
  }

  #look(): void {
    this.#awakeMs = this.#awake();
    this.#lookedMs = this.#clock.monotonicMs();
    for (const part of this.#parts) {
      const limitMs = part.limitMs();
      const works = [...this.#works].filter((work) => work.part === part);
      for (const work of works) work.limit(limitMs);
      const longest = this.#longest(works, limitMs);
      part.report(longest && { sinceMs: longest.movedMs, key: longest.key });
    }
  }

  #longest(works: readonly WatchedWork[], limitMs: number): WatchedWork | undefined {
    return works
      .filter((work) => this.#stillMs(work) >= limitMs)
      .sort((a, b) => this.#stillMs(b) - this.#stillMs(a))
      .at(0);
  }

  #stillMs(work: WatchedWork): number {
    return work.isResting ? 0 : this.#awake() - work.movedAwakeMs;
  }

  /** Of the time since the last look no more counts than a look and a turn of others may take. */
  #awake(): number {
    return this.#awakeMs + Math.min(this.#clock.monotonicMs() - this.#lookedMs, 2 * LOOK_MS);
  }

  #forget({ part, key, order }: WatchedWork): void {
    for (const each of this.#works) {
      if (each.part === part && each.key === key && each.order < order) this.#works.delete(each);
    }
  }
}

interface WorkOptions {
  readonly now: () => { readonly awakeMs: number; readonly wallMs: number };
  readonly onEnd: (isWell: boolean) => void;
}

let begun = 0;

/** One piece of work that a {@link Watchdog} follows. */
export class WatchedWork {
  readonly part: WatchedPart;
  readonly key: string;
  readonly order = begun++;
  readonly #options: WorkOptions;
  #limitMs: number | undefined;
  #isResting = false;
  /** When it last moved: by the time that this process ran, and by the time of day. */
  movedAwakeMs = 0;
  movedMs = 0;

  constructor(part: WatchedPart, key: string, options: WorkOptions) {
    this.part = part;
    this.key = key;
    this.#options = options;
    this.move();
  }

  get isResting(): boolean {
    return this.#isResting;
  }

  /** It got further. */
  move(): void {
    const { awakeMs, wallMs } = this.#options.now();
    this.movedAwakeMs = awakeMs;
    this.movedMs = wallMs;
    this.#isResting = false;
  }

  /** It waits for somebody else than the part, until it moves again. */
  rest(): void {
    this.#isResting = true;
  }

  limit(limitMs: number): void {
    if (limitMs !== this.#limitMs && this.#limitMs !== undefined) this.move();
    this.#limitMs = limitMs;
  }

  /** @param isWell whether it came to what was wanted */
  end(isWell = true): void {
    this.#options.onEnd(isWell);
  }
}
