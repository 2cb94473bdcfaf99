// The few web-standard globals that the pure layers use, declared by hand: these layers compile
// without Node's and without the browser's types, so that nothing platform-bound slips in.

declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, into: Uint8Array): { read: number; written: number };
}

declare class TextDecoder {
  constructor(encoding?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: ArrayBufferView | ArrayBufferLike, options?: { stream?: boolean }): string;
}

interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

declare const AbortSignal: {
  any(signals: AbortSignal[]): AbortSignal;
  abort(reason?: unknown): AbortSignal;
};

declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

interface URLSearchParams {
  get(name: string): string | null;
  has(name: string): boolean;
}

declare class URL {
  constructor(url: string, base?: string);
  readonly href: string;
  readonly protocol: string;
  readonly host: string;
  readonly hostname: string;
  readonly port: string;
  readonly pathname: string;
  readonly search: string;
  readonly searchParams: URLSearchParams;
}

/** Base64 of characters up to U+00FF, one byte each. */
declare function btoa(bytes: string): string;
declare function atob(text: string): string;

declare const crypto: {
  /** From a generator whose numbers nobody can foretell. */
  getRandomValues<T extends Uint8Array | Uint32Array>(into: T): T;
};

declare function queueMicrotask(callback: () => void): void;
