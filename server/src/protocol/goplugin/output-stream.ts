import { copyBytes } from '../../base/bytes/copy-bytes.ts';
import type { Duplex } from '../../base/ports/duplex.ts';

/** Output that may wait for the host; beyond it, output goes the usual way. */
const WAITING_BYTES_MAX = 256 * 1024;

/** Standard output or error of the plugin on its way to the host, without ever blocking us. */
export class OutputStream {
  readonly #stream: Duplex;
  #waitingBytes = 0;
  #isBroken = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  /** Sends a copy of `bytes`; false when the host does not keep up or is gone. */
  take(bytes: Uint8Array): boolean {
    if (this.#isBroken || this.#waitingBytes + bytes.length > WAITING_BYTES_MAX) return false;
    this.#waitingBytes += bytes.length;
    this.#stream.write(copyBytes(bytes)).then(
      () => {
        this.#waitingBytes -= bytes.length;
      },
      () => {
        this.#isBroken = true;
      },
    );
    return true;
  }
}
