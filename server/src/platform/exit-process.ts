/** Longer than V8 takes to compile nearly any function. */
const SETTLE_MS = 20;

/**
 * Ends the process, a moment later. A thread of V8 that compiles may want this one to collect garbage
 * first, and `process.exit` waits for that thread without doing so: both would wait for ever
 * (nodejs/node#54918, seen once in some hundred runs of the command-line tool).
 */
export async function exitProcess(exitCode: number): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  process.exit(exitCode);
}
