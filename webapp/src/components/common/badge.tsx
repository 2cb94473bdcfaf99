import React from 'react';

export type BadgeKind = 'good' | 'bad' | 'busy' | 'idle';

/** A state in one word: the colour helps, the word says it. */
export function Badge({ kind, label }: { kind: BadgeKind; label: string }) {
  return <span className={`metrics-badge metrics-badge--${kind}`}>{label}</span>;
}
