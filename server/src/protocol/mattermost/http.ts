import type { ByteSource } from './body-stream.ts';
import type { HttpHeader } from './http-header.ts';

/** A request that a user or another part of the server sent to the plugin. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query; the host has cut `/plugins/<id>` off. */
  readonly url: string;
  readonly header: HttpHeader;
  readonly host: string;
  readonly remoteAddr: string;
  readonly body: ByteSource;
}

/** The response to one request. It ends when the hook does. */
export interface HttpResponse {
  /** Begins with what the host has set. Changes count until the first byte is sent. */
  readonly header: HttpHeader;
  /** Aborted when the client went away or the host gave the response up; writes reject then. */
  readonly aborted: AbortSignal;
  /** Sends status and header. Without it, the first write sends 200. */
  writeHead(status: number): Promise<void>;
  /**
   * Resolves when the host accepts more. Small writes are collected; `bytes` must not change
   * until it resolves. Rejects with `ERR_HTTP_CLIENT_GONE`, also for the failure of an earlier write.
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Takes the client's connection over from the host, which cuts an answer off when its time-out for
   * writing is up (ServiceSettings.WriteTimeout), however much of it is left. Before the head is
   * sent; from then on the response must have a Content-Length. The connection ends with it.
   *
   * @returns whether it worked; HTTP/2, for one, has no connection to give away, and then the
   * response goes on as before
   */
  takeOver(): Promise<boolean>;
  /** Sends what was collected, and has the host pass it on if it can. */
  flush(): Promise<void>;
}
