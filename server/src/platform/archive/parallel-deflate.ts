import type { TaskPool } from '../../base/ports/task-runner.ts';
import { DEFLATE_END, deflatedBytesMax, deflateTask } from './deflate-task.ts';

/** Bytes that are compressed at a time: what is lost at their edges is less than one part in 1,000. */
const STRETCH_BYTES = 1024 * 1024;

interface Slot {
  readonly input: SharedArrayBuffer;
  readonly inputBytes: Uint8Array;
  readonly output: SharedArrayBuffer;
}

/**
 * Compresses bytes on all threads of a pool at once: stretch by stretch, in memory that is shared
 * with them and used again and again. What comes out in the end is a single deflate stream.
 */
export class ParallelDeflate {
  readonly #tasks: TaskPool;
  readonly #stop = new AbortController();
  readonly #free: Slot[] = [];
  readonly #underWay: { readonly slot: Slot; readonly sizeBytes: Promise<number> }[] = [];
  /** More than there are threads, so that none waits while another slot is filled or written. */
  readonly #slotsMax: number;

  constructor(tasks: TaskPool) {
    this.#tasks = tasks;
    this.#slotsMax = tasks.workersMax + 2;
  }

  /** The deflate stream of `source`; a piece is valid until the next one is pulled. */
  async *deflate(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let slot = this.#takeSlot();
    let filled = 0;
    for await (const piece of source) {
      let rest = piece;
      while (rest.length > 0) {
        const part = rest.subarray(0, STRETCH_BYTES - filled);
        slot.inputBytes.set(part, filled);
        filled += part.length;
        rest = rest.subarray(part.length);
        if (filled < STRETCH_BYTES) continue;
        this.#start(slot, filled);
        if (this.#underWay.length === this.#slotsMax - 1) yield* this.#oldest();
        slot = this.#takeSlot();
        filled = 0;
      }
    }
    if (filled > 0) this.#start(slot, filled);
    else this.#free.push(slot);
    while (this.#underWay.length > 0) yield* this.#oldest();
    yield DEFLATE_END;
  }

  /** Ends what is under way; to be called when the stream is not pulled to its end, too. */
  close(): void {
    this.#stop.abort();
    this.#underWay.length = 0;
  }

  #start(slot: Slot, filled: number): void {
    const { input, output } = slot;
    const options = { signal: this.#stop.signal };
    const sizeBytes = this.#tasks.run(deflateTask, { input, sizeBytes: filled, output }, options);
    // Its failure is handled when its turn comes.
    sizeBytes.catch(() => undefined);
    this.#underWay.push({ slot, sizeBytes });
  }

  async *#oldest(): AsyncGenerator<Uint8Array> {
    const first = this.#underWay.shift();
    if (first === undefined) return;
    yield new Uint8Array(first.slot.output, 0, await first.sizeBytes);
    this.#free.push(first.slot);
  }

  #takeSlot(): Slot {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const input = new SharedArrayBuffer(STRETCH_BYTES);
    const output = new SharedArrayBuffer(deflatedBytesMax(STRETCH_BYTES));
    return { input, inputBytes: new Uint8Array(input), output };
  }
}
