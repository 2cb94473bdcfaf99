import { useEffect, useRef } from 'react';

import { browserHost, Poller } from '../utils/poller.ts';

/** Runs the task while the component is shown; see Poller. A change of the task counts from its next run. */
export function usePolling(task: () => Promise<void>, delayMs: number): void {
  const taskRef = useRef(task);
  taskRef.current = task;
  const pollerRef = useRef<Poller>();

  useEffect(() => {
    const poller = new Poller(() => taskRef.current(), delayMs, browserHost);
    pollerRef.current = poller;
    return () => poller.close();
    // The delay has an effect of its own below: a new one must not ask the server at once.
  }, []);

  useEffect(() => pollerRef.current?.setDelay(delayMs), [delayMs]);
}
