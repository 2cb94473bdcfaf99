import React from 'react';

import { useText } from '../../hooks/use_text.ts';
import { formatAge, formatTime, formatUtc, isoTime } from '../../utils/format.ts';

/** A point in time in the browser's zone; its title says it in UTC. */
export function Time({ timeMs }: { timeMs: number }) {
  const { locale } = useText();
  return (
    <time dateTime={isoTime(timeMs)} title={formatUtc(timeMs)}>
      {formatTime(timeMs, locale)}
    </time>
  );
}

/** How long ago something was; its title says when. */
export function Age({ timeMs, nowMs }: { timeMs: number; nowMs: number }) {
  const { locale } = useText();
  const title = `${formatTime(timeMs, locale)} (${formatUtc(timeMs)})`;
  return (
    <time dateTime={isoTime(timeMs)} title={title}>
      {formatAge(nowMs - timeMs, locale)}
    </time>
  );
}
