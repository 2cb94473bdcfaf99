import { useState } from 'react';

import { usePanel } from './use_panel.ts';
import { usePolling } from './use_polling.ts';

const TICK_MS = 1_000;

/** The server's time, each second. Ages against the browser's own clock would be off when that is. */
export function useNow(): number {
  const { clockAheadMs } = usePanel();
  const [browserMs, setBrowserMs] = useState(Date.now);
  usePolling(async () => setBrowserMs(Date.now()), TICK_MS);
  return browserMs + clockAheadMs;
}
