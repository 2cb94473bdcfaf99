import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** Outcome of a whole suite. */
export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** The line that `make conformance` and `make e2e` end with. */
export function totalsLine({ passed, failed, skipped }: Totals): string {
  const line = `${passed} passed, ${failed} failed`;
  return skipped === 0 ? line : `${line}, ${skipped} skipped`;
}

/** Runs test files one after another, each in a process of its own, and prints each test as it ends. */
export async function runTestFiles(files: readonly string[]): Promise<Totals> {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
  const stream = run({ files: [...files], concurrency: 1 });
  stream.on('test:pass', (event) => {
    // A suite is only the sum of its tests.
    if (event.details.type === 'suite') return;
    if (event.skip !== undefined) totals.skipped++;
    else totals.passed++;
  });
  stream.on('test:fail', (event) => {
    // A suite that fails in a hook has no failed test of its own to show for it.
    if (event.details.type === 'suite' && failedThroughTests(event.details.error)) return;
    totals.failed++;
  });
  const report = stream.compose(new spec()) as AsyncIterable<unknown>;
  for await (const text of report) process.stdout.write(String(text));
  return totals;
}

function failedThroughTests(error: Error): boolean {
  return 'failureType' in error && error.failureType === 'subtestsFailed';
}
