import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/** Programs that some tests need, with the line that installs them. */
const INSTALL = {
  promtool: 'apt-get install prometheus',
  prometheus: 'apt-get install prometheus',
  unzip: 'apt-get install unzip',
} as const;

/**
 * Whether the program is there. If not, the test is skipped with the line that installs it, and in
 * CI it fails.
 */
export function hasTool(test: TestContext, name: keyof typeof INSTALL): boolean {
  if (spawnSync(name, ['--version']).error === undefined) return true;
  const reason = `${name} is missing: ${INSTALL[name]}`;
  if (process.env.CI === 'true') throw new Error(reason);
  test.skip(reason);
  return false;
}
