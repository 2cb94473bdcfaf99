// Proves of an upload bundle what the Mattermost server and its images ask of it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { crossTool, libraryDir, runPath } from './executable.ts';
import { bundledLibraries, crossSystemDir } from './libraries.ts';
import {
  type Arch,
  architectures,
  executablePath,
  machineArch,
  type Manifest,
} from './manifest.ts';
import { run } from './run.ts';

/** What the server gives (go-plugin's StartTimeout, as Mattermost sets it). */
const handshakeMaxMs = 3_000;
/** The median counts: a busy machine makes one start in a while slow, ours does all of them. */
const handshakeRuns = 5;
/** Emulation is slow, and nothing is promised about its speed: then the start hangs. */
const startMaxMs = 60_000;

const machineNames: Readonly<Record<Arch, string>> = {
  amd64: 'Advanced Micro Devices X86-64',
  arm64: 'AArch64',
};

/** What glibc alone provides, and so any Linux that Mattermost runs on. */
const glibcLibraries = new Set([
  'ld-linux-x86-64.so.2',
  'ld-linux-aarch64.so.1',
  'libc.so.6',
  'libdl.so.2',
  'libm.so.6',
  'libpthread.so.0',
]);

/** Checks one bundle; prints one line for each proof, or for a proof that this machine can't do. */
export async function checkBundle(manifest: Manifest, tarball: string): Promise<void> {
  const root = await mkdtemp(path.join(tmpdir(), 'plugin-root-'));
  try {
    await checkEntries(tarball);
    await run('tar', ['-xzf', tarball, '-C', root]);
    for (const arch of architectures) {
      const executable = path.join(root, manifest.id, executablePath(manifest, arch));
      if (!existsSync(executable)) continue;
      await checkExecutable(executable, arch);
      await checkStart(root, executable, arch);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** The server unpacks directories and regular files and skips everything else. */
async function checkEntries(tarball: string): Promise<void> {
  const listing = await run('tar', ['-tvzf', tarball]);
  const others = listing.split('\n').filter((line) => line !== '' && !/^[-d]/.test(line));
  if (others.length > 0) throw new Error(`${tarball}: not a file or folder: ${others.join('; ')}`);
}

async function checkExecutable(file: string, arch: Arch): Promise<void> {
  const { mode } = await stat(file);
  if ((mode & 0o111) !== 0o111) throw new Error(`${file}: the executable bit is not set`);
  const readelf = crossTool(arch, 'readelf');
  const header = await run(readelf, ['--file-header', file]);
  if (!header.includes(machineNames[arch])) throw new Error(`${file}: not built for ${arch}`);
  const dynamic = await run(readelf, ['--dynamic', '--wide', file]);
  if (!dynamic.includes(`runpath: [${runPath(arch)}]`)) {
    throw new Error(`${file}: unexpected RUNPATH\n${dynamic}`);
  }
  const shipped = new Set(bundledLibraries(arch).map((library) => library.name));
  for (const [, name = ''] of dynamic.matchAll(/\(NEEDED\)\s+Shared library: \[(.+)\]/g)) {
    const present =
      shipped.has(name) && existsSync(path.join(path.dirname(file), libraryDir(arch), name));
    if (!present && !glibcLibraries.has(name)) throw new Error(`${file}: ${name} is not shipped`);
  }
}

/** Starts the executable where the machine has nothing but glibc and /proc. */
async function checkStart(root: string, executable: string, arch: Arch): Promise<void> {
  const inside = `/${path.relative(root, executable)}`;
  if (arch !== machineArch()) return checkEmulatedStart(executable, arch);
  if (process.getuid?.() !== 0) {
    return skip(`start of linux-${arch} in a root with glibc alone`, 'run `make dist` as root');
  }
  await installGlibc(root, executable, arch);
  const script = 'mount -t proc proc "$1/proc" && exec chroot "$1" "$2"';
  const args = [
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    'sh',
    '-c',
    script,
    'sh',
    root,
    inside,
  ];
  const times: number[] = [];
  for (let turn = 0; turn < handshakeRuns; turn++) {
    times.push(await handshakeTimeMs('unshare', args));
  }
  const medianMs = times.toSorted((a, b) => a - b)[handshakeRuns >> 1] ?? Infinity;
  if (medianMs > handshakeMaxMs) {
    throw new Error(`linux-${arch}: handshake after ${medianMs} ms, allowed are ${handshakeMaxMs}`);
  }
  const shown = times.map((time) => time.toFixed(0)).join(', ');
  console.log(`linux-${arch}: handshake in a root with glibc alone after ${shown} ms`);
}

async function checkEmulatedStart(executable: string, arch: Arch): Promise<void> {
  const emulator = `/usr/bin/qemu-${arch === 'arm64' ? 'aarch64' : 'x86_64'}-static`;
  const what = `start of linux-${arch} under emulation`;
  if (!existsSync(emulator)) return skip(what, 'apt-get install qemu-user-static');
  const args = ['-L', crossSystemDir(arch), executable];
  const time = await handshakeTimeMs(emulator, args);
  console.log(
    `linux-${arch}: handshake under ${path.basename(emulator)} after ${time.toFixed(0)} ms`,
  );
}

/** Copies glibc's own files of this machine into `root`, at the places where they are looked for. */
async function installGlibc(root: string, executable: string, arch: Arch): Promise<void> {
  const segments = await run(crossTool(arch, 'readelf'), ['--program-headers', executable]);
  const loader = /program interpreter: (.+)\]/.exec(segments)?.[1];
  if (loader === undefined) throw new Error(`${executable}: names no loader`);
  const libraryPath = (runPath(arch).split(':')[0] ?? '').replace(/^\/usr/, '');
  const files = [...glibcLibraries].map((name) => `${libraryPath}/${name}`);
  for (const file of [loader, ...files.filter(existsSync)]) {
    await mkdir(path.join(root, path.dirname(file)), { recursive: true });
    await copyFile(file, path.join(root, file));
  }
  for (const dir of ['proc', 'tmp']) await mkdir(path.join(root, dir), { recursive: true });
}

/** Milliseconds from the start of a process to its handshake line; the process is then ended. */
async function handshakeTimeMs(command: string, args: string[]): Promise<number> {
  const started = performance.now();
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, MATTERMOST_PLUGIN: 'Securely message teams, anywhere.' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), startMaxMs);
  let complaint = '';
  child.stderr.on('data', (data: Buffer) => {
    complaint += data.toString();
  });
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if (!/^1\|1\|unix\|.+\|netrpc\|/.test(line)) throw new Error(`not a handshake: ${line}`);
      return performance.now() - started;
    }
    throw new Error(`no handshake line within ${startMaxMs} ms: ${complaint}`);
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}

/** A proof that can't be done here is named; where everything is installed that is an error. */
function skip(what: string, remedy: string): void {
  if (process.env.CI === 'true') throw new Error(`${what}: ${remedy}`);
  console.log(`skipped: ${what} (${remedy})`);
}
