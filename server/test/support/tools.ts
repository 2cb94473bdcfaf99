import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/** Programs that some tests need, with the line that installs them. */
const INSTALL = {
  promtool: 'apt-get install prometheus',
  prometheus: 'apt-get install prometheus',
  unzip: 'apt-get install unzip',
  gcc: 'apt-get install gcc libc6-dev',
  flock: 'apt-get install util-linux',
} as const;

/**
 * Whether the program is there. If not, the test is skipped with the line that installs it, and in
 * CI it fails.
 */
export function hasTool(test: TestContext, name: keyof typeof INSTALL): boolean {
  if (spawnSync(name, ['--version']).error === undefined) return true;
  return leaveOut(test, `${name} is missing: ${INSTALL[name]}`);
}

/**
 * Whether programs may be run in `namespaces` of its own, which are arguments of `unshare`. If not,
 * the test is left out, and in CI it fails.
 */
export function hasNamespaces(test: TestContext, namespaces: readonly string[]): boolean {
  if (spawnSync('unshare', [...namespaces, 'true']).status === 0) return true;
  const how = 'apt-get install util-linux, and run as root or allow user namespaces';
  return leaveOut(test, `this machine gives no namespaces: ${how}`);
}

/** Whether we are root, and so may act as another user. If not: as for {@link hasTool}. */
export function isRoot(test: TestContext): boolean {
  if (process.geteuid?.() === 0) return true;
  return leaveOut(test, 'only root can act as another user');
}

function leaveOut(test: TestContext, reason: string): false {
  if (process.env.CI === 'true') throw new Error(reason);
  test.skip(reason);
  return false;
}
