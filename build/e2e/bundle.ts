import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';

import { pluginId, repositoryRoot } from '../support/repository.ts';

/** The upload bundle of this machine, which `make dist` has made; E2E_BUNDLE names another one. */
export function bundlePath(): string {
  const given = process.env['E2E_BUNDLE'];
  if (given !== undefined) return given;
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const [found] = globSync(`dist/${pluginId}-*-linux-${arch}.tar.gz`, { cwd: repositoryRoot });
  assert.ok(found, 'there is no upload bundle in dist/: make dist');
  return join(repositoryRoot, found);
}
