import type { LogFields, Logger } from '../../src/base/log.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { fill } from '../../src/protocol/gob/index.ts';
import {
  GoPluginHostConnection,
  servePluginConnection,
} from '../../src/protocol/goplugin/index.ts';
import { serveBody, type ByteSource } from '../../src/protocol/mattermost/body-stream.ts';
import { HookServer } from '../../src/protocol/mattermost/hook-server.ts';
import { hooks as table } from '../../src/protocol/mattermost/hooks-table.ts';
import type { PluginHooks } from '../../src/protocol/mattermost/hooks.ts';
import { requestSchema, responseWriter } from '../../src/protocol/mattermost/http-table.ts';
import { callMethod, serveMethod, type Method } from '../../src/protocol/mattermost/method.ts';
import { contextSchema } from '../../src/protocol/mattermost/model/server.ts';
import { EMPTY, RpcClient, RpcServer } from '../../src/protocol/netrpc/index.ts';
import { duplexPair, type DuplexPairOptions } from './duplex-pair.ts';

/** What a request of a test is made of. */
export interface TestRequest {
  readonly method?: string;
  readonly url?: string;
  readonly header?: Readonly<Record<string, string>>;
  /** Without one, the request has no body stream at all. */
  readonly body?: ByteSource;
}

/** The host's half of one response, with what the plugin did to it. */
export class TestResponse {
  /** Names of the calls, in order. */
  readonly calls: string[] = [];
  readonly writes: Uint8Array[] = [];
  header = new Map<string, string[]>([['X-From-Host', ['1']]]);
  status = 0;
  /** Calls that were under way at the same time; never more than one. */
  mostAtOnce = 0;
  /** Set when the browser has gone away: writes fail then. */
  isClientGone = false;
  /** Set when the browser takes nothing: writes wait until the connection is closed. */
  isStalled = false;
  /** Resolves when a write waits. */
  readonly stalled: Promise<void>;
  /** Whether a connection that was taken over is closed. */
  isConnectionClosed = false;
  /** Older hosts have no Flush. */
  hasFlush = true;
  #atOnce = 0;
  #noteStalled: () => void = () => {};
  #endStall: (error: Error) => void = () => {};

  constructor() {
    this.stalled = new Promise((resolve) => {
      this.#noteStalled = resolve;
    });
  }

  get body(): Buffer {
    return Buffer.concat(this.writes);
  }

  server(): RpcServer {
    const server = new RpcServer();
    this.#serve(server, responseWriter.header, () => this.header);
    this.#serve(server, responseWriter.syncHeader, (header) => {
      this.header = header;
      return EMPTY;
    });
    this.#serve(server, responseWriter.writeHeader, (status) => {
      this.status = status;
      return EMPTY;
    });
    this.#serve(server, responseWriter.hijack, () => EMPTY);
    this.#serve(server, responseWriter.hijackWriteDeadline, () => EMPTY);
    this.#serve(server, responseWriter.hijackClose, () => {
      this.isConnectionClosed = true;
      this.#endStall(new Error('use of closed network connection'));
      return EMPTY;
    });
    this.#serve(server, responseWriter.hijackWrite, async (bytes) => {
      await this.#stall();
      return bytes.length;
    });
    this.#serve(server, responseWriter.write, async (bytes) => {
      await this.#stall();
      if (this.isClientGone) throw new Error('write: broken pipe');
      if (this.status === 0) this.status = 200;
      this.writes.push(bytes);
      return EMPTY;
    });
    if (this.hasFlush) this.#serve(server, responseWriter.flush, () => EMPTY);
    return server;
  }

  async #stall(): Promise<void> {
    if (!this.isStalled) return;
    await new Promise<void>((_, reject) => {
      this.#endStall = reject;
      this.#noteStalled();
    });
  }

  #serve<A, R>(
    server: RpcServer,
    method: Method<A, R>,
    handler: (args: A) => R | Promise<R>,
  ): void {
    serveMethod(server, method, async (args) => {
      this.calls.push(method.name);
      this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      this.#atOnce--;
      return handler(args);
    });
  }
}

/** A Mattermost server in miniature, over the real protocol in memory. */
export class TestHost {
  /** The API and the database driver that the plugin gets; tests add methods. */
  readonly api = new RpcServer();
  readonly driver = new RpcServer();
  /** What the plugin logged because the host could not be told. */
  readonly logged: readonly string[];
  readonly connection: GoPluginHostConnection;
  readonly hooks: RpcClient;

  private constructor(connection: GoPluginHostConnection, hooks: RpcClient, logged: string[]) {
    this.connection = connection;
    this.hooks = hooks;
    this.logged = logged;
  }

  /** Starts a plugin of these hooks; it is not activated. */
  static async start(plugin: PluginHooks, options: DuplexPairOptions = {}): Promise<TestHost> {
    const [hostSocket, pluginSocket] = duplexPair(options);
    const logged: string[] = [];
    const log = (message: string, fields: LogFields = {}): void => {
      logged.push(`${message} ${Object.values(fields).map(String).join(' ')}`);
    };
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    void servePluginConnection(pluginSocket, {
      clock: systemClock,
      logger,
      plugins: {
        hooks: (stream, broker) => new HookServer(plugin, broker, logger).serve(stream),
      },
    });
    const connection = await GoPluginHostConnection.connect(hostSocket, { clock: systemClock });
    const hooks = new RpcClient(await connection.dispense('hooks'));
    return new TestHost(connection, hooks, logged);
  }

  call<A, R>(method: Method<A, R>, args: A): Promise<R> {
    return callMethod(this.hooks, method, args);
  }

  async activate(): Promise<void> {
    const { broker } = this.connection;
    const [APIMuxId, DriverMuxId] = [broker.nextId(), broker.nextId()];
    // The end of the connection, however it comes, ends these.
    const accepted = [
      broker.accept(APIMuxId).then((stream) => void this.api.serve(stream).catch(() => {})),
      broker.accept(DriverMuxId).then((stream) => void this.driver.serve(stream).catch(() => {})),
    ];
    await this.call(table.OnActivate, { APIMuxId, DriverMuxId });
    await Promise.all(accepted);
  }

  /** Sends a request to ServeHTTP; resolves when the plugin is done with it. */
  async request(request: TestRequest, response = new TestResponse()): Promise<TestResponse> {
    const { broker } = this.connection;
    const ResponseWriterStream = broker.nextId();
    const serving = broker
      .accept(ResponseWriterStream)
      .then((stream) => response.server().serve(stream));
    serving.catch(() => {});
    let RequestBodyStream = 0;
    if (request.body !== undefined) {
      const { body } = request;
      RequestBodyStream = broker.nextId();
      broker
        .accept(RequestBodyStream)
        .then((stream) => serveBody(body, stream))
        .catch(() => {});
    }
    await this.call(table.ServeHTTP, {
      ResponseWriterStream,
      RequestBodyStream,
      Context: fill(contextSchema, { RequestId: 'request' }),
      Request: fill(requestSchema, {
        Method: request.method ?? 'GET',
        URL: request.url ?? '/',
        Header: new Map(Object.entries(request.header ?? {}).map(([k, v]) => [k, [v]])),
      }),
    });
    return response;
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}

/** A body of the given pieces that counts how many were read. */
export class TestBody implements ByteSource {
  readonly #pieces: Iterator<Uint8Array>;
  sentBytes = 0;

  constructor(pieces: Iterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.iterator]();
  }

  read(): Promise<Uint8Array | undefined> {
    const { done, value } = this.#pieces.next();
    if (done === true) return Promise.resolve(undefined);
    this.sentBytes += value.length;
    return Promise.resolve(value);
  }
}
