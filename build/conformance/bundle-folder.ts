import { build } from 'esbuild';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { pluginId, repositoryRoot } from '../support/repository.ts';
import { temporaryDir } from '../support/temporary.ts';

/** Directories that a host works with, all thrown away at the end. */
export interface HostFolders {
  pluginId: string;
  pluginDir: string;
  webappDir: string;
  /** The plugin's TMPDIR: its sockets are here, and nothing else's. */
  socketDir: string;
  /** Working directory of host and plugin. */
  workDir: string;
}

function hostFolders(id: string): HostFolders {
  const root = temporaryDir('conformance');
  const folder = (name: string): string => {
    const path = join(root, name);
    mkdirSync(path);
    return path;
  };
  return {
    pluginId: id,
    pluginDir: folder('plugins'),
    webappDir: folder('client'),
    socketDir: folder('tmp'),
    workDir: folder('work'),
  };
}

/**
 * A bundle whose executable runs a TypeScript module under this very Node. The host starts one file
 * without arguments, hence the shell script; the module is bundled so that it starts fast.
 */
export async function scriptBundle(id: string, entry: string): Promise<HostFolders> {
  const folders = hostFolders(id);
  const executable = join(folders.pluginDir, id, 'server', 'plugin');
  const script = `${executable}.mjs`;
  await build({
    entryPoints: [entry],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  writeFileSync(executable, `#!/bin/sh\nexec '${process.execPath}' '${script}'\n`);
  chmodSync(executable, 0o755);
  const manifest = { id, name: id, version: '0.0.1', server: { executable: 'server/plugin' } };
  writeFileSync(join(folders.pluginDir, id, 'plugin.json'), JSON.stringify(manifest));
  return folders;
}

/** The real bundle as `make executable` leaves it, or the folder that CONFORMANCE_PLUGIN names. */
export function builtBundle(): HostFolders {
  const folders = hostFolders(pluginId);
  const target = join(folders.pluginDir, pluginId);
  const built = process.env.CONFORMANCE_PLUGIN ?? join(repositoryRoot, 'dist', 'plugin', pluginId);
  cpSync(built, target, { recursive: true });
  return folders;
}
