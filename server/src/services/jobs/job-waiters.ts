/** Callers that wait for news of one job. */
export class JobWaiters {
  readonly #listeners = new Map<string, Set<() => void>>();

  /** A signal that is aborted at the next news of the job; `cancel` when nobody waits any more. */
  nextNews(id: string): { readonly signal: AbortSignal; readonly cancel: () => void } {
    const news = new AbortController();
    const listener = (): void => news.abort();
    const listeners = this.#listeners.get(id) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(id, listeners);
    const cancel = (): void => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
    return { signal: news.signal, cancel };
  }

  announce(id: string): void {
    for (const listener of this.#listeners.get(id) ?? []) listener();
  }
}
