import type { SocketListener } from './socket-listener.ts';

/** The signals that a plugin process meets. */
export type ProcessSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The process of a plugin, as go-plugin sees it. Implemented by `platform/plugin-process.ts`. */
export interface PluginProcess {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Id of the process that started this one; another one later means that it has died. */
  parentId(): number;
  /** Writes to the real standard output; resolves when the bytes have left the process. */
  writeStdout(text: string): Promise<void>;
  /** Writes to the real standard error; resolves when the bytes have left the process. */
  writeStderr(text: string): Promise<void>;
  /** Listens on a new socket with a name of its own in `dir`, or in the system's folder. */
  listen(dir: string | undefined): Promise<SocketListener>;
  /** Handles a signal instead of what the system does with it. The result undoes that. */
  onSignal(signal: ProcessSignal, handler: () => void): () => void;
  /**
   * Hands what the program writes to standard output or error to `take`, which returns false for
   * bytes that it did not take and that go the usual way. The result undoes that.
   */
  captureOutput(output: 'stdout' | 'stderr', take: (bytes: Uint8Array) => boolean): () => void;
}
