import { CodedError, describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import type { Broker } from '../goplugin/broker.ts';
import { fill, zero, type ValueOf } from '../gob/index.ts';
import { EMPTY, RpcServer } from '../netrpc/index.ts';
import { ApiClient } from './api-client.ts';
import { RemoteBody, type ByteSource } from './body-stream.ts';
import { DriverClient } from './driver.ts';
import { HttpHeader } from './http-header.ts';
import { RemoteResponse } from './http-response.ts';
import type { serveHttpArgsSchema, WireRequest } from './http-table.ts';
import type { HttpRequest } from './http.ts';
import { hooks as table } from './hooks-table.ts';
import type { PluginHooks, PluginHost } from './hooks.ts';
import { serveMethod } from './method.ts';
import { commandArgsSchema, commandResponseSchema } from './model/command.ts';
import { configSchema } from './model/config.ts';
import { toRefusal } from './model/error.ts';
import { contextSchema } from './model/server.ts';

type ServeHook = NonNullable<PluginHooks['serveHttp']>;
type ServeArgs = ValueOf<typeof serveHttpArgsSchema>;

const NO_BODY: ByteSource = { read: () => Promise.resolve(undefined) };
const NO_ERROR = { A: null };

/** The hooks of a plugin as the host calls them; mirrors hooksRPCServer of plugin/client_rpc.go. */
export class HookServer {
  readonly #hooks: PluginHooks;
  readonly #broker: Broker;
  readonly #logger: Logger;
  readonly #rpc = new RpcServer();
  /** From the start of the activation, so that half an activation is undone too. */
  #isActive = false;
  /** Answers under way. */
  readonly #responses = new Set<RemoteResponse>();
  #host: (PluginHost & { close(): Promise<void> }) | undefined;

  /** @param logger for what has no way to the host */
  constructor(hooks: PluginHooks, broker: Broker, logger: Logger) {
    this.#hooks = hooks;
    this.#broker = broker;
    this.#logger = logger;
    this.#serveLifecycle();
    this.#serveConfiguration();
    this.#serveUse();
    this.#serveHttp();
  }

  /** Serves the stream that the host calls the hooks on, until it ends. */
  async serve(stream: Duplex): Promise<void> {
    try {
      await this.#rpc.serve(stream);
    } finally {
      await this.#host?.close();
    }
  }

  /**
   * Deactivates the plugin unless that was done, or it was not active. Answers that are under way end
   * first: nobody would end a connection that was taken over.
   */
  async deactivate(): Promise<void> {
    if (!this.#isActive) return;
    this.#isActive = false;
    const aborting = Promise.allSettled([...this.#responses].map((response) => response.abort()));
    await this.#hooks.onDeactivate?.();
    await aborting;
  }

  #serveLifecycle(): void {
    serveMethod(this.#rpc, table.Implemented, () => implementedHooks(this.#hooks));
    serveMethod(this.#rpc, table.OnActivate, async ({ APIMuxId, DriverMuxId }) => {
      // The host waits for both streams, whatever the plugin does with them.
      const [apiStream, driverStream] = await Promise.all([
        this.#broker.dial(APIMuxId),
        this.#broker.dial(DriverMuxId),
      ]);
      const api = new ApiClient(apiStream, this.#broker);
      const driver = new DriverClient(driverStream);
      void api.closed.then((error) => this.#reportLoss(error));
      const close = async () => void (await Promise.allSettled([api.close(), driver.close()]));
      this.#host = { api, driver, close };
      this.#isActive = true;
      await this.#configureFirst(this.#host);
      await this.#hooks.onActivate?.(this.#host);
      return NO_ERROR;
    });
    serveMethod(this.#rpc, table.OnDeactivate, async () => {
      await this.deactivate();
      return NO_ERROR;
    });
  }

  #reportLoss(error: CodedError | undefined): void {
    // After the deactivation it only means that the host tidies up.
    if (error === undefined || !this.#isActive) return;
    this.#logger.error('The connection to the API of the server is lost', { error });
  }

  /** As Go's library does it: an error here does not keep the plugin from being activated. */
  async #configureFirst(host: PluginHost): Promise<void> {
    try {
      await this.#hooks.onConfigurationChange?.(host);
    } catch (error) {
      this.#logger.error('The configuration could not be applied', { error });
    }
  }

  #serveConfiguration(): void {
    const { onConfigurationChange, configurationWillBeSaved } = this.#hooks;
    if (onConfigurationChange !== undefined) {
      serveMethod(this.#rpc, table.OnConfigurationChange, async () => {
        if (this.#host === undefined) {
          throw new CodedError('ERR_PLUGIN_NOT_ACTIVE', 'the plugin is not activated');
        }
        await onConfigurationChange.call(this.#hooks, this.#host);
        return NO_ERROR;
      });
    }
    if (configurationWillBeSaved !== undefined) {
      serveMethod(this.#rpc, table.ConfigurationWillBeSaved, async ({ A: config }) => {
        const given = config ?? zero(configSchema);
        const refusal = await configurationWillBeSaved.call(this.#hooks, given);
        return { A: null, B: refusal === undefined ? null : toRefusal(refusal) };
      });
    }
  }

  #serveUse(): void {
    const { executeCommand, generateSupportData, onPluginClusterEvent } = this.#hooks;
    if (executeCommand !== undefined) {
      serveMethod(this.#rpc, table.ExecuteCommand, async ({ A, B }) => {
        const args = B ?? zero(commandArgsSchema);
        const answer = await executeCommand.call(this.#hooks, A ?? zero(contextSchema), args);
        return { A: fill(commandResponseSchema, answer), B: null };
      });
    }
    if (generateSupportData !== undefined) {
      serveMethod(this.#rpc, table.GenerateSupportData, async ({ A }) => {
        const files = await generateSupportData.call(this.#hooks, A ?? zero(contextSchema));
        return { A: files, B: null };
      });
    }
    if (onPluginClusterEvent !== undefined) {
      serveMethod(this.#rpc, table.OnPluginClusterEvent, async ({ A, B }) => {
        await onPluginClusterEvent.call(this.#hooks, A ?? zero(contextSchema), B);
        return EMPTY;
      });
    }
  }

  #serveHttp(): void {
    const { serveHttp, serveMetrics } = this.#hooks;
    if (serveHttp !== undefined) {
      const hook = serveHttp.bind(this.#hooks);
      serveMethod(this.#rpc, table.ServeHTTP, (args) => this.#serveRequest(args, hook));
    }
    if (serveMetrics !== undefined) {
      const hook = serveMetrics.bind(this.#hooks);
      serveMethod(this.#rpc, table.ServeMetrics, (args) => this.#serveRequest(args, hook));
    }
  }

  async #serveRequest(args: ServeArgs, hook: ServeHook): Promise<typeof EMPTY> {
    // A stream takes a round trip to open: both at a time.
    const opening = this.#openBody(args.RequestBodyStream);
    opening.catch(() => {});
    try {
      const response = await RemoteResponse.open(
        await this.#broker.dial(args.ResponseWriterStream),
      );
      this.#responses.add(response);
      try {
        const request = toRequest(args.Request, (await opening) ?? NO_BODY);
        await hook(args.Context ?? zero(contextSchema), request, response);
        await response.end();
      } catch (error) {
        await response.close();
        // A client that went away is no failure; the host would log it as one.
        if (!response.aborted.aborted) {
          // The host is told as well: it answers 500 if the head was not sent yet.
          this.#logFailure(args.Request, error);
          throw error;
        }
      } finally {
        this.#responses.delete(response);
      }
    } finally {
      const body = await opening.catch(() => undefined);
      await body?.close();
    }
    return EMPTY;
  }

  async #openBody(streamId: number): Promise<RemoteBody | undefined> {
    return streamId === 0 ? undefined : new RemoteBody(await this.#broker.dial(streamId));
  }

  #logFailure(request: WireRequest | null, error: unknown): void {
    this.#logger.error('A request failed', {
      method: request?.Method,
      url: request?.URL ?? undefined,
      error: describeError(error),
    });
  }
}

function toRequest(request: WireRequest | null, body: ByteSource): HttpRequest {
  return {
    method: request?.Method === '' || request === null ? 'GET' : request.Method,
    url: request?.URL ?? '/',
    header: new HttpHeader(request?.Header ?? []),
    host: request?.Host ?? '',
    remoteAddr: request?.RemoteAddr ?? '',
    body,
  };
}

/** Names of the hooks that are there. OnActivate is served in any case: it brings the API. */
function implementedHooks(hooks: PluginHooks): string[] {
  const names: Array<readonly [string, unknown]> = [
    ['OnActivate', true],
    ['OnDeactivate', hooks.onDeactivate],
    ['OnConfigurationChange', hooks.onConfigurationChange],
    ['ConfigurationWillBeSaved', hooks.configurationWillBeSaved],
    ['ServeHTTP', hooks.serveHttp],
    ['ServeMetrics', hooks.serveMetrics],
    ['ExecuteCommand', hooks.executeCommand],
    ['GenerateSupportData', hooks.generateSupportData],
    ['OnPluginClusterEvent', hooks.onPluginClusterEvent],
  ];
  return names.filter(([, hook]) => hook !== undefined).map(([name]) => name);
}
