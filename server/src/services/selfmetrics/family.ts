/** One line of a family. */
export interface FamilySample {
  /** A value for each of the family's label names; omitted when there are none. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric of the plugin about itself. */
export interface MetricFamily {
  /**
   * Without the common prefix, in base units with the unit at the end; counters end in `_total`, as
   * `promtool check metrics` wants it.
   */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  /** A counter only grows while the process runs. */
  readonly type: 'counter' | 'gauge';
  readonly labelNames: readonly string[];
  /**
   * The present values, asked for at each answer: from memory and at once, since the server may be
   * waiting for them while we wait for the server. Empty when there is nothing to tell.
   */
  readonly read: () => readonly FamilySample[];
}

type Reading = number | undefined;

export function gauge(name: string, help: string, read: () => Reading): MetricFamily {
  return { name, help, type: 'gauge', labelNames: [], read: () => single(read()) };
}

export function counter(name: string, help: string, read: () => Reading): MetricFamily {
  return { name, help, type: 'counter', labelNames: [], read: () => single(read()) };
}

function single(value: Reading): FamilySample[] {
  return value === undefined ? [] : [{ value }];
}

/** Events by kind, as a counter with one label. Kinds come from our own code, so there are few. */
export class CountsByKind {
  readonly #counts = new Map<string, number>();

  /** @param kinds those that are shown from the start, with 0 */
  constructor(kinds: readonly string[] = []) {
    for (const kind of kinds) this.#counts.set(kind, 0);
  }

  add(kind: string, count = 1): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
  }

  family(name: string, help: string, label: string): MetricFamily {
    const read = (): FamilySample[] =>
      [...this.#counts].map(([kind, value]) => ({ labels: { [label]: kind }, value }));
    return { name, help, type: 'counter', labelNames: [label], read };
  }
}
