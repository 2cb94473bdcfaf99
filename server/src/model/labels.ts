/** A label of a series. Names and values are any UTF-8 text. */
export interface Label {
  readonly name: string;
  readonly value: string;
}

/** Labels sorted by name (by UTF-8 bytes, as Go sorts), each name once, no empty value. */
export type Labels = readonly Label[];

export const METRIC_NAME = '__name__';

/**
 * Order of UTF-8 bytes, which is that of code points. JavaScript's `<` compares UTF-16 units and
 * differs where surrogates meet U+E000 to U+FFFF.
 */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      const xSurrogate = x >= 0xd800 && x <= 0xdfff;
      const ySurrogate = y >= 0xd800 && y <= 0xdfff;
      if (xSurrogate !== ySurrogate) return xSurrogate ? 1 : -1;
      return x - y;
    }
  }
  return a.length - b.length;
}

/** Sorts, and drops labels with an empty value: in Prometheus they mean "no label". */
export function makeLabels(pairs: Iterable<readonly [string, string]>): Labels {
  const labels: Label[] = [];
  for (const [name, value] of pairs) if (value !== '') labels.push({ name, value });
  return labels.sort((a, b) => compareText(a.name, b.name));
}

/** `{__name__="up", job="node"}`-style text for people and logs. */
export function formatLabels(labels: Labels): string {
  const parts = labels.map(({ name, value }) => `${name}=${JSON.stringify(value)}`);
  return `{${parts.join(', ')}}`;
}

/** Order of label sets as Prometheus sorts series: pair by pair, a prefix first. */
export function compareLabels(a: Labels, b: Labels): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const order = compareText(a[i].name, b[i].name) || compareText(a[i].value, b[i].value);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
