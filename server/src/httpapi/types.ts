// The HTTP exchange as handlers see it; `plugin/` has the host's own objects fit these.

export interface HttpHeaders {
  /** The first value; the name's case does not matter. */
  get(name: string): string | undefined;
}

export interface HttpRequest {
  readonly method: string;
  /** Path and query below the plugin's own prefix, such as `/jobs?x=1`. */
  readonly url: string;
  readonly header: HttpHeaders;
  readonly body: { read(): Promise<Uint8Array | undefined> };
}

export interface HttpResponse {
  readonly header: { set(name: string, value: string): void };
  /** Sends status and headers; once, before the body. */
  writeHead(status: number): Promise<void>;
  /** Resolves when the client takes more; rejects when it went away. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Frees the response from the server's limit of time, where the connection allows that; before the
   * head, and with a Content-Length. Resolves to whether it worked.
   */
  takeOver(): Promise<boolean>;
}

/** What one request is about, once its route is known. */
export interface RequestContext {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  /** Values of the `{name}` parts of the route. */
  readonly params: Readonly<Record<string, string>>;
}

export type Handler = (context: RequestContext) => Promise<void>;
