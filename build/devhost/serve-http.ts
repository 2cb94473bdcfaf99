// The host's side of one HTTP request to the plugin: request and body towards it, response back.
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Broker } from '../../server/src/protocol/goplugin/index.ts';
import { type ByteSource, serveBody } from '../../server/src/protocol/mattermost/body-stream.ts';
import type { hooks } from '../../server/src/protocol/mattermost/hooks-table.ts';
import { responseWriter } from '../../server/src/protocol/mattermost/http-table.ts';
import { callMethod, serveMethod } from '../../server/src/protocol/mattermost/method.ts';
import { EMPTY, type RpcClient, RpcServer } from '../../server/src/protocol/netrpc/index.ts';
import { newId } from './api-server.ts';

/** What one request needs of the connection to the plugin. */
export interface HttpLink {
  readonly broker: Broker;
  readonly hooks: RpcClient;
  /** Which hook answers. */
  readonly method: typeof hooks.ServeHTTP;
}

/**
 * Calls ServeHTTP or ServeMetrics and passes its answer on. Resolves when the plugin is done; rejects when
 * it fails, with whatever it wrote before already sent.
 */
export async function serveHttp(
  { broker, hooks: client, method }: HttpLink,
  request: IncomingMessage,
  response: ServerResponse,
  url: string,
): Promise<void> {
  const responseId = broker.nextId();
  const bodyId = broker.nextId();
  const streams = [
    broker.accept(responseId).then((stream) => makeResponseServer(response).serve(stream)),
    broker.accept(bodyId).then((stream) => serveBody(bodySource(request), stream)),
  ];
  // A stream that breaks shows in the call: the plugin fails, or the browser is gone.
  for (const stream of streams) stream.catch(() => undefined);
  await callMethod(client, method, {
    ResponseWriterStream: responseId,
    RequestBodyStream: bodyId,
    Request: {
      Method: request.method ?? 'GET',
      URL: url,
      Proto: 'HTTP/1.1',
      ProtoMajor: 1,
      ProtoMinor: 1,
      Header: goHeader(request),
      Host: request.headers.host ?? '',
      RemoteAddr: `${request.socket.remoteAddress ?? ''}:${request.socket.remotePort ?? 0}`,
      RequestURI: url,
    },
    Context: {
      SessionId: newId(),
      ConnectionId: '',
      RequestId: newId(),
      IPAddress: request.socket.remoteAddress ?? '',
      AcceptLanguage: request.headers['accept-language'] ?? '',
      UserAgent: request.headers['user-agent'] ?? '',
    },
  });
  response.end();
}

/** Go writes names of headers as `Content-Type`, and keeps Host apart. */
function goHeader(request: IncomingMessage): Map<string, string[]> {
  const header = new Map<string, string[]>();
  for (const [name, value] of Object.entries(request.headers)) {
    if (name === 'host' || value === undefined) continue;
    const canonical = name.replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase());
    header.set(canonical, Array.isArray(value) ? value : [value]);
  }
  return header;
}

function makeResponseServer(response: ServerResponse): RpcServer {
  const server = new RpcServer();
  serveMethod(server, responseWriter.header, () => new Map());
  serveMethod(server, responseWriter.syncHeader, (header) => {
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    for (const [name, values] of header) response.setHeader(name, values);
    return EMPTY;
  });
  serveMethod(server, responseWriter.writeHeader, (status) => {
    if (status < 100 || status > 999) throw new Error('invalid http status code');
    response.writeHead(status);
    return EMPTY;
  });
  serveMethod(server, responseWriter.write, async (bytes) => {
    await write(response, bytes);
    return EMPTY;
  });
  serveMethod(server, responseWriter.flush, () => {
    response.flushHeaders();
    return EMPTY;
  });
  return server;
}

/** Resolves when the kernel has the bytes, which holds back a plugin that is faster than a browser. */
function write(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('the client went away'));
    response.once('close', onClose);
    response.write(bytes, (error) => {
      response.off('close', onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}

function bodySource(request: IncomingMessage): ByteSource {
  const pieces = request[Symbol.asyncIterator]();
  return {
    async read() {
      const piece = await pieces.next();
      if (piece.done === true) return undefined;
      return piece.value instanceof Uint8Array ? piece.value : undefined;
    },
  };
}
