import type { Readable } from 'node:stream';

/**
 * A body piece by piece, with a limit for each wait. It ends the request when it is left early.
 *
 * @param late what a wait that is too long fails with
 * @param toError what any other failure becomes
 */
export async function* bodyPieces(
  body: Readable,
  timeoutMs: number,
  late: Error,
  toError: (error: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    timer = setTimeout(() => body.destroy(late), timeoutMs);
  };
  try {
    wait();
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      yield piece;
      wait();
    }
  } catch (error) {
    throw toError(error);
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
}
