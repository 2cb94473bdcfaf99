import { CodedError } from '../base/errors.ts';
import type { HttpResponse } from './types.ts';

/**
 * The answer of a handler, which counts unless somebody else has answered before: what a handler that
 * was too slow still says is refused, its headers included.
 */
export class PendingReply implements HttpResponse {
  readonly #response: HttpResponse;
  readonly #headers = new Map<string, string>();
  #isBegun = false;
  #isAbandoned = false;
  #isClientGone = false;

  constructor(response: HttpResponse) {
    this.#response = response;
  }

  readonly header = { set: (name: string, value: string) => void this.#headers.set(name, value) };

  /** Whether the head is sent, or on its way. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  get isClientGone(): boolean {
    return this.#isClientGone;
  }

  /** Somebody else answers. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  takeOver(): Promise<boolean> {
    this.#begin();
    return this.#response.takeOver();
  }

  writeHead(status: number): Promise<void> {
    this.#begin();
    return this.#response.writeHead(status);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#begin();
    try {
      await this.#response.write(bytes);
    } catch (error) {
      this.#isClientGone = true;
      throw error;
    }
  }

  #begin(): void {
    if (this.#isAbandoned) {
      throw new CodedError('ERR_NO_ANSWER', 'the answer came too late for the client');
    }
    if (this.#isBegun) return;
    this.#isBegun = true;
    for (const [name, value] of this.#headers) this.#response.header.set(name, value);
  }
}
