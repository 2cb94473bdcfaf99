import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { run } from './processes.ts';
import { cacheDir } from './repository.ts';
import { requireTool, tools } from './tools.ts';

/** What `go build` gets beside the folder. */
export interface GoBuild {
  /** Folder of the main package, with its own go.mod. */
  dir: string;
  /** Name of the result in the cache folder. */
  name: string;
  /** What to build; the folder itself when it is not given, or a tool that its go.mod pins. */
  package?: string;
  flags?: readonly string[];
}

/**
 * Builds a Go program at the lowest priority and returns its path. Go's own build cache decides what
 * there is to do, so a second call takes a second or two.
 *
 * Exact versions come from go.mod and go.sum; Mattermost's modules are not in the checksum database
 * under these versions, go.sum is what vouches for them.
 */
export function goBuild({ dir, name, package: target = '.', flags = [] }: GoBuild): string {
  const output = join(cacheDir, 'bin', name);
  mkdirSync(dirname(output), { recursive: true });
  const env = {
    ...process.env,
    GOFLAGS: '-mod=mod',
    GONOSUMDB: 'github.com/mattermost/*',
    CGO_ENABLED: '0',
  };
  const go = requireTool(tools.go);
  run('nice', [go, 'build', '-buildvcs=false', '-trimpath', ...flags, '-o', output, target], {
    cwd: dir,
    env,
  });
  return output;
}
