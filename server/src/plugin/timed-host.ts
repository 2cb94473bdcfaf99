import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { withTimeout } from '../base/sync/timeout.ts';
import type { WatchedPart, Watchdog } from '../services/health/watchdog.ts';
import type { Host } from './host.ts';

/** A call of the server that takes longer counts as failed; its answer is dropped. */
export const HOST_CALL_LIMIT_MS = 10_000;
/** With so many other calls unanswered, further ones fail at once. */
const UNANSWERED_MAX = 200;
/** Questions who somebody is, which any user can cause, leave the rest to the work of the plugin. */
const PERMISSIONS_AT_ONCE = 100;
/** Of those that wait. */
const WAITING_MAX = 1_000;

/**
 * The server with a limit of time for each call, since one with a database that hangs answers none.
 * Calls fail with `ERR_HOST_SILENT` then; what they were to do may still happen.
 */
export function timedHost(host: Host, clock: Clock, watchdog: Watchdog, part: WatchedPart): Host {
  let unanswered = 0;
  const call = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    const late = lateError(name);
    if (unanswered >= UNANSWERED_MAX) throw late;
    unanswered++;
    const answer = watchdog.follow(part, name, run).finally(() => unanswered--);
    return withTimeout(clock, HOST_CALL_LIMIT_MS, answer, () => late);
  };
  const permissions = new Places(PERMISSIONS_AT_ONCE);
  const callInTurn = <T>(name: string, run: () => Promise<T>): Promise<T> => {
    const late = lateError(name);
    let isLate = false;
    const answer = permissions.enter(late, () => {
      if (isLate) throw late;
      // Its place is taken until the server has answered, however long that takes.
      return watchdog.follow(part, name, run);
    });
    return withTimeout(clock, HOST_CALL_LIMIT_MS, answer, () => {
      isLate = true;
      return late;
    });
  };
  const { kv } = host;
  return {
    log: host.log,
    loadSettings: () => call('settings', () => host.loadSettings()),
    serverConfig: () => call('configuration', () => host.serverConfig()),
    isPluginRunning: (id) => call('plugin status', () => host.isPluginRunning(id)),
    hasMetricsLicense: () => call('licence', () => host.hasMetricsLicense()),
    kv: {
      get: (key) => call('kv get', () => kv.get(key)),
      set: (key, value) => call('kv set', () => kv.set(key, value)),
      setFor: (key, value, seconds) => call('kv set', () => kv.setFor(key, value, seconds)),
      compareAndSet: (key, old, next) =>
        call('kv compare-and-set', () => kv.compareAndSet(key, old, next)),
      createFor: (key, value, seconds) =>
        call('kv compare-and-set', () => kv.createFor(key, value, seconds)),
      renewFor: (key, value, seconds) =>
        call('kv compare-and-set', () => kv.renewFor(key, value, seconds)),
      delete: (key) => call('kv delete', () => kv.delete(key)),
      keys: (prefix) => call('kv keys', () => kv.keys(prefix)),
    },
    query: (sql, args) => call('query', () => host.query(sql, args)),
    publish: (event) => call('cluster event', () => host.publish(event)),
    isAdministrator: (userId) => callInTurn('permission', () => host.isAdministrator(userId)),
    identity: () => call('identity', () => host.identity()),
    registerCommand: (command) => call('slash command', () => host.registerCommand(command)),
    sendEphemeral: (post) => call('message', () => host.sendEphemeral(post)),
  };
}

function lateError(call: string): CodedError {
  const details = { call, limitMs: HOST_CALL_LIMIT_MS };
  return new CodedError('ERR_HOST_SILENT', 'the server did not answer in time', details);
}

/** Lets some in at a time, and the others in their order when one leaves. */
class Places {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** Rejects with `refusal` when too many wait. */
  async enter<T>(refusal: Error, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else if (this.#waiting.length >= WAITING_MAX) throw refusal;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
