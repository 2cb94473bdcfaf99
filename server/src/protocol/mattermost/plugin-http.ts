import { CodedError } from '../../base/errors.ts';
import type { Broker } from '../goplugin/broker.ts';
import { fill } from '../gob/index.ts';
import type { RpcClient } from '../netrpc/index.ts';
import { api } from './api-table.ts';
import type { PluginHttpRequest, PluginHttpResponse } from './api.ts';
import { serveBody, type ByteSource } from './body-stream.ts';
import { HttpHeader } from './http-header.ts';
import { requestSchema, type WireRequest } from './http-table.ts';
import { callMethod } from './method.ts';

/** The text by which an older host says that it does not stream. */
const NO_STREAMS = "rpc: can't find method Plugin.PluginHTTPStream";

/** Larger bodies are not sent to hosts that do not stream: they travel in one message. */
const BUFFERED_BODY_BYTES_MAX = 32 * 1024 * 1024;

/** Requests to other plugins, streamed where the host can. */
export class PluginHttpClient {
  readonly #client: RpcClient;
  readonly #broker: Broker;
  /** False once the host has said no, so that no body is lost in asking again. */
  #canStream: boolean | undefined;

  constructor(client: RpcClient, broker: Broker) {
    this.#client = client;
    this.#broker = broker;
  }

  async send(request: PluginHttpRequest): Promise<PluginHttpResponse> {
    if (this.#canStream !== false) {
      const response = await this.#stream(request);
      if (response !== undefined) return response;
      this.#canStream = false;
    }
    return this.#sendBuffered(request);
  }

  /** Undefined when the host has no such method; the body was not touched then. */
  async #stream(request: PluginHttpRequest): Promise<PluginHttpResponse | undefined> {
    const ResponseBodyStream = this.#broker.nextId();
    const accepted = this.#broker.accept(ResponseBodyStream);
    accepted.catch(() => {});
    const RequestBodyStream = this.#serve(request.body);
    try {
      const args = { ResponseBodyStream, Request: toWire(request), RequestBodyStream };
      const answer = await callMethod(this.#client, api.PluginHTTPStream, args);
      const stream = await accepted;
      const body = { read: () => stream.read(), close: () => stream.close() };
      return { status: answer.StatusCode, header: new HttpHeader(answer.Header), body };
    } catch (error) {
      if (error instanceof CodedError && error.message === NO_STREAMS) return undefined;
      void accepted.then((stream) => stream.close()).catch(() => {});
      throw error;
    }
  }

  #serve(body: ByteSource | undefined): number {
    if (body === undefined) return 0;
    const id = this.#broker.nextId();
    // When the host does not come for the body, its answer says why.
    this.#broker
      .accept(id)
      .then((stream) => serveBody(body, stream))
      .catch(() => {});
    return id;
  }

  async #sendBuffered(request: PluginHttpRequest): Promise<PluginHttpResponse> {
    const RequestBody = await readAll(request.body);
    const args = { Request: toWire(request), RequestBody };
    const { Response, ResponseBody } = await callMethod(this.#client, api.PluginHTTP, args);
    if (Response === null) throw new CodedError('ERR_MATTERMOST_API', 'the host sent no response');
    let rest: Uint8Array | undefined = ResponseBody.length > 0 ? ResponseBody : undefined;
    const read = (): Promise<Uint8Array | undefined> => {
      const bytes = rest;
      rest = undefined;
      return Promise.resolve(bytes);
    };
    const body = { read, close: () => Promise.resolve() };
    return { status: Response.StatusCode, header: new HttpHeader(Response.Header), body };
  }
}

function toWire({ method, path, header }: PluginHttpRequest): WireRequest {
  return fill(requestSchema, {
    Method: method,
    URL: path,
    Proto: 'HTTP/1.1',
    ProtoMajor: 1,
    ProtoMinor: 1,
    Header: header?.toMap() ?? new Map<string, string[]>(),
    RequestURI: path,
  });
}

async function readAll(body: ByteSource | undefined): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for (;;) {
    const part = await body?.read();
    if (part === undefined) break;
    sizeBytes += part.length;
    if (sizeBytes > BUFFERED_BODY_BYTES_MAX) {
      const details = { limitBytes: BUFFERED_BODY_BYTES_MAX };
      throw new CodedError('ERR_HTTP_BODY_TOO_LARGE', 'the host cannot stream a body', details);
    }
    parts.push(part);
  }
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
