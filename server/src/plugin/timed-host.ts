import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { withTimeout } from '../base/sync/timeout.ts';
import type { WatchedPart, Watchdog } from '../services/health/watchdog.ts';
import type { Host } from './host.ts';

/** A call of the server that takes longer counts as failed; its answer is dropped. */
export const HOST_CALL_LIMIT_MS = 10_000;
/** With so many calls unanswered, further ones fail at once. */
const UNANSWERED_MAX = 200;
/** Questions who somebody is, which any user can cause, leave the rest to the work of the plugin. */
const UNANSWERED_PERMISSIONS_MAX = 100;

/**
 * The server with a limit of time for each call, since one with a database that hangs answers none.
 * Calls fail with `ERR_HOST_SILENT` then; what they were to do may still happen.
 */
export function timedHost(host: Host, clock: Clock, watchdog: Watchdog, part: WatchedPart): Host {
  let unanswered = 0;
  const call = async <T>(
    name: string,
    run: () => Promise<T>,
    unansweredMax = UNANSWERED_MAX,
  ): Promise<T> => {
    const late = new CodedError('ERR_HOST_SILENT', 'the server did not answer in time', {
      call: name,
      limitMs: HOST_CALL_LIMIT_MS,
    });
    if (unanswered >= unansweredMax) throw late;
    unanswered++;
    const answer = watchdog.follow(part, name, run).finally(() => unanswered--);
    return withTimeout(clock, HOST_CALL_LIMIT_MS, answer, () => late);
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
    isAdministrator: (userId) =>
      call('permission', () => host.isAdministrator(userId), UNANSWERED_PERMISSIONS_MAX),
    identity: () => call('identity', () => host.identity()),
    registerCommand: (command) => call('slash command', () => host.registerCommand(command)),
    sendEphemeral: (post) => call('message', () => host.sendEphemeral(post)),
  };
}
