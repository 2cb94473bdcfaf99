/** How scrapes leave the process. The implementation is `platform/http-client.ts`. */
export interface HttpClient {
  /**
   * GET with redirects followed (at most 10, not to link-local addresses) and the body decompressed (gzip). Any number of calls
   * at a time. Any status resolves. Rejects with a `CodedError` whose message is a sentence for a
   * person: `ERR_HTTP_REFUSED`, `ERR_HTTP_TIMEOUT`, `ERR_HTTP_DNS`, `ERR_HTTP_REDIRECTS`,
   * `ERR_HTTP_REDIRECT_REFUSED`, `ERR_HTTP_BODY_LIMIT` or `ERR_HTTP` (cause kept); with the signal's reason when it was aborted.
   */
  get(url: string, options: HttpGetOptions): Promise<HttpResponse>;
}

export interface HttpGetOptions {
  /** `Authorization` and `Cookie` don't go where an answer redirects to another origin. */
  readonly headers: Readonly<Record<string, string>>;
  /** Certificates, PEM, that are trusted besides those of the system. */
  readonly extraCa?: string | undefined;
  /** For the whole exchange, body included. */
  readonly timeoutMs: number;
  /** Most bytes of the decompressed body; 0 means no limit but that of the client's memory. */
  readonly bodyLimitBytes: number;
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** The server's own words for the status, cut short and without control characters. */
  readonly statusText: string;
  /** Without parameters stripped: as the server sent it, '' when missing. */
  readonly contentType: string;
  /**
   * Whether the answer came, by a redirect, from another origin than was asked, or from a link-local
   * address, where clouds keep secrets: then no error shows anything of it.
   */
  readonly isForeign?: boolean;
  /** The whole decompressed body; empty when the status is not 200: it is not read then. */
  readonly body: Uint8Array;
  /** Gives the body's memory back for the next one. The body is void after it; fine to omit. */
  release(): void;
}
