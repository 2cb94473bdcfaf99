// Builds the plugin's executable: Node itself with our code inside ("single executable
// application", https://nodejs.org/docs/latest-v24.x/api/single-executable-applications.html).
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Bundle } from './bundle.ts';
import { type Arch, machineArch, rootDir } from './manifest.ts';
import { nodeBinary } from './node-binaries.ts';
import { run } from './run.ts';

/** Marks the place in Node's executable that says whether a program was injected. */
const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/**
 * Options of V8; sizes in MiB. A scrape leaves little garbage, all of it dead when it is collected: a
 * young generation of 1 MiB per half-space costs no more CPU time than the usual 16, and 15 MiB less
 * of resident memory. One thread clears it in a fraction of a millisecond; to wait for helpers on a
 * busy machine took up to 88. Without the memory reducer a process that rests is not collected again
 * and again between its scrapes. Optimized for size means that the old space is collected when it has
 * grown by a third; else it doubles first, and a dump to S3 held 25 MiB of garbage. A second optimizing
 * compiler between the first and the last makes code that is hardly used before it is replaced, and
 * more than one thread for compiling and collecting has nothing to do: without them 12 to 18 MiB less
 * are resident. The old space is capped where a runaway head would otherwise take the memory of the
 * Mattermost server on the same machine.
 */
export const v8Limits = [
  '--max-semi-space-size=1',
  '--max-old-space-size=2048',
  '--no-parallel-scavenge',
  '--no-memory-reducer',
  '--optimize-for-size',
  '--no-maglev',
  '--v8-pool-size=1',
];

/**
 * No SIGUSR1 opens the inspector: whoever may connect to its port on 127.0.0.1 runs code as the
 * server's user, and every local user may connect.
 */
const nodeOptions = ['--disable-sigusr1'];

export interface ExecutableOptions {
  readonly arch: Arch;
  /** A file for the upload bundle: stripped, and with our own library folder as the last resort. */
  readonly release: boolean;
}

const systemLibraryDirs: Readonly<Record<Arch, readonly string[]>> = {
  amd64: ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu'],
  arm64: ['/lib/aarch64-linux-gnu', '/usr/lib/aarch64-linux-gnu'],
};

/**
 * Where the executable looks for its libraries. The system comes first: its libstdc++ fits its
 * glibc, while ours is for images that have none. `$ORIGIN` is the folder of the executable.
 */
export function runPath(arch: Arch): string {
  const common = ['/lib64', '/usr/lib64', '/lib', '/usr/lib'];
  return [...systemLibraryDirs[arch], ...common, `$ORIGIN/${libraryDir(arch)}`].join(':');
}

/** Folder beside the executable; one for each platform, as a bundle may hold both. */
export function libraryDir(arch: Arch): string {
  return `lib/linux-${arch}`;
}

/** Writes the executable to `target`, with the executable bit set; nothing half-written is left. */
export async function buildExecutable(
  bundle: Bundle,
  target: string,
  { arch, release }: ExecutableOptions,
): Promise<void> {
  const node = await nodeBinary(arch);
  const work = await mkdtemp(path.join(tmpdir(), 'plugin-executable-'));
  const file = `${target}.${process.pid}.tmp`;
  try {
    const blob = await makeBlob(bundle, work);
    await mkdir(path.dirname(target), { recursive: true });
    await copyFile(node.executable, file);
    await chmod(file, 0o755);
    // The order is a must: patchelf moves sections, and postject then breaks the file.
    if (release) await run(crossTool(arch, 'strip'), [file]);
    await inject(file, blob);
    if (release) await run('patchelf', ['--set-rpath', runPath(arch), file]);
    await rename(file, target);
  } finally {
    await rm(file, { force: true });
    await rm(work, { recursive: true, force: true });
  }
}

/** The blob is made by the Node that is shipped for this machine, and holds no machine code. */
async function makeBlob(bundle: Bundle, work: string): Promise<string> {
  const builder = await nodeBinary(machineArch());
  const blob = path.join(work, 'plugin.blob');
  await writeFile(path.join(work, 'main.js'), bundle.main);
  await writeFile(path.join(work, 'worker.js'), bundle.worker);
  const config = {
    main: 'main.js',
    output: blob,
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // The cache would save 30 ms of a start, but V8 fills it with other bytes each time: builds of one
    // source could not be compared.
    useCodeCache: false,
    execArgv: [...v8Limits, ...nodeOptions],
    // The server's NODE_OPTIONS is inherited and must not change us.
    execArgvExtension: 'none',
    assets: { 'worker.js': 'worker.js' },
  };
  await writeFile(path.join(work, 'sea.json'), JSON.stringify(config));
  await run(builder.executable, ['--experimental-sea-config', 'sea.json'], { cwd: work });
  return blob;
}

/** In a process of its own: postject prints warnings that mean nothing, and holds 500 MB. */
async function inject(file: string, blob: string): Promise<void> {
  const postject = path.join(rootDir, 'node_modules', 'postject', 'dist', 'cli.js');
  const args = [postject, file, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', sentinelFuse];
  await run(process.execPath, args);
}

/** Name of a binutils program that understands files of `arch`. */
export function crossTool(arch: Arch, tool: string): string {
  if (arch === machineArch()) return tool;
  return `${arch === 'arm64' ? 'aarch64' : 'x86-64'}-linux-gnu-${tool}`;
}
