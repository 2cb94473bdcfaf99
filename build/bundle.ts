import path from 'node:path';

import { build, type BuildOptions, type Metafile } from 'esbuild';

import { rootDir } from './manifest.ts';

/** The two programs of the plugin: the process and the code of its worker threads. */
export interface Bundle {
  readonly main: string;
  readonly worker: string;
  /** What went into them; the licences of the bundled packages are listed from it. */
  readonly metafiles: readonly Metafile[];
}

export interface BundleEntries {
  readonly main: string;
  readonly worker: string;
}

const serverEntries: BundleEntries = {
  main: path.join(rootDir, 'server', 'src', 'main.ts'),
  worker: path.join(rootDir, 'server', 'src', 'worker.ts'),
};

/**
 * One CommonJS file each, since a single executable application runs that. Identifiers keep their
 * names: a stack trace in a log of a customer must be readable without a source map.
 */
const options: BuildOptions = {
  bundle: true,
  write: false,
  metafile: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  legalComments: 'none',
  absWorkingDir: rootDir,
  logLevel: 'silent',
  // Everything is one file: a lazy require does the work of import().
  supported: { 'dynamic-import': false },
  // The place of a source file means nothing in the executable; code that needs it asks node:sea.
  logOverride: { 'empty-import-meta': 'silent' },
};

/** Bundles the server sources; an esbuild error rejects with its formatted text. */
export async function bundleServer(entries: BundleEntries = serverEntries): Promise<Bundle> {
  const [main, worker] = await Promise.all([bundleOne(entries.main), bundleOne(entries.worker)]);
  return {
    main: main.code,
    worker: worker.code,
    metafiles: [main.metafile, worker.metafile],
  };
}

async function bundleOne(entry: string): Promise<{ code: string; metafile: Metafile }> {
  const result = await build({ ...options, entryPoints: [entry] });
  const file = result.outputFiles?.[0];
  if (file === undefined || result.metafile === undefined) {
    throw new Error(`esbuild wrote nothing for ${entry}`);
  }
  return { code: file.text, metafile: result.metafile };
}
