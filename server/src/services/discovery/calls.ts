import type { Clock } from '../../base/clock.ts';
import { CodedError, describeError } from '../../base/errors.ts';
import { splitZone } from '../../base/host.ts';
import type { Resolver } from '../../base/ports/resolver.ts';
import { withTimeout } from '../../base/sync/timeout.ts';
import type { WarningBoard } from '../health/warning-board.ts';
import { CALLS_PLUGIN_ID, NO_CALLS } from './calls-endpoints.ts';
import type { CallsEndpoints, RtcdEndpoint } from './calls-endpoints.ts';

export interface CallsDiscoveryOptions {
  /** Whether a plugin is installed and running. */
  readonly isPluginRunning: (pluginId: string) => Promise<boolean>;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly board: WarningBoard;
}

const RESOLVE_TIMEOUT_MS = 5_000;
const CALLS_WARNING = 'calls_unknown';
const RTCD_WARNING = 'rtcd_unresolved';

/** Finds out where Calls is. What cannot be found out stays as it was, with a warning. */
export class CallsDiscovery {
  readonly #options: CallsDiscoveryOptions;
  #known: CallsEndpoints = NO_CALLS;
  #knownUrl = '';

  constructor(options: CallsDiscoveryOptions) {
    this.#options = options;
  }

  /** What the last look found. */
  get known(): CallsEndpoints {
    return this.#known;
  }

  /**
   * Looks again; never rejects.
   *
   * @param rtcdUrl the setting of the Calls plugin, '' when RTCD is not used
   */
  async look(rtcdUrl: string): Promise<void> {
    const isRunning = await this.#isRunning();
    if (!isRunning || rtcdUrl === '') {
      this.#options.board.clear(RTCD_WARNING);
      this.#knownUrl = '';
      this.#known = { isRunning, rtcd: [] };
      return;
    }
    const rtcd = await this.#resolve(rtcdUrl);
    this.#known = { isRunning, rtcd };
    this.#knownUrl = rtcdUrl;
  }

  async #isRunning(): Promise<boolean> {
    const { board, isPluginRunning } = this.#options;
    try {
      const isRunning = await isPluginRunning(CALLS_PLUGIN_ID);
      board.clear(CALLS_WARNING);
      return isRunning;
    } catch (error) {
      const message = `Whether the Calls plugin is running could not be found out: ${describeError(error)}.`;
      board.raise({ code: CALLS_WARNING, message }, error);
      return this.#known.isRunning;
    }
  }

  async #resolve(rtcdUrl: string): Promise<readonly RtcdEndpoint[]> {
    const { board } = this.#options;
    try {
      const endpoints = await this.#endpoints(rtcdUrl);
      board.clear(RTCD_WARNING);
      return endpoints;
    } catch (error) {
      // Not the URL itself: it may hold a key.
      const message = `Where RTCD is could not be found out: ${describeError(error)}.`;
      const action = 'Check the RTCD service URL in the settings of the Calls plugin, and the DNS.';
      board.raise({ code: RTCD_WARNING, message, action }, error);
      // A resolver that is down for a minute must not end the series of machines that go on.
      return rtcdUrl === this.#knownUrl ? this.#known.rtcd : [];
    }
  }

  /** One endpoint for each address: the name may stand for several machines. */
  async #endpoints(rtcdUrl: string): Promise<RtcdEndpoint[]> {
    const { url, zone } = splitZone(rtcdUrl);
    const { protocol, hostname, port } = parseRtcdUrl(url);
    const address = hostname.replace(/^\[(.*)\]$/, '$1');
    const host = zone === '' ? address : `${address}%${zone}`;
    // A machine with both kinds of address is one machine.
    let addresses = await this.#lookUp(host, 4);
    if (addresses.length === 0) addresses = await this.#lookUp(host, 6);
    if (addresses.length === 0)
      throw new CodedError('ERR_DNS', 'the name has no address', { host });
    const usualPort = protocol === 'https:' ? 443 : 80;
    return [...new Set(addresses)]
      .sort()
      .map((address) => ({ protocol, address, port: port === '' ? usualPort : Number(port) }));
  }

  #lookUp(host: string, family: 4 | 6): Promise<string[]> {
    const { clock, resolver } = this.#options;
    const timeoutMs = RESOLVE_TIMEOUT_MS;
    return withTimeout(clock, timeoutMs, resolver.resolve(host, family), () => {
      return new CodedError('ERR_DNS', 'the resolver does not answer', { host, timeoutMs });
    });
  }
}

function parseRtcdUrl(text: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // Reported below.
  }
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new CodedError('ERR_RTCD_URL', 'the URL of RTCD is not of the form http://rtcd:8045');
  }
  return url;
}
