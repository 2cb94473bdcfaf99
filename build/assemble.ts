// Puts the plugin together as a folder, just as the Mattermost server unpacks it.
//
// As a program it makes the development variant for this machine: no strip, no patchelf.
//   node build/assemble.ts
import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { bundleServer, type Bundle } from './bundle.ts';
import { buildExecutable, libraryDir } from './executable.ts';
import { bundledLibraries } from './libraries.ts';
import {
  type Arch,
  developmentPluginDir,
  executablePath,
  machineArch,
  type Manifest,
  readManifest,
  rootDir,
} from './manifest.ts';
import { noticeText } from './notices.ts';

export interface AssembleOptions {
  readonly dir: string;
  readonly archs: readonly Arch[];
  readonly release: boolean;
}

/** Writes plugin.json, assets, the web app's bundle when it was built, and the executables. */
export async function assemble(
  manifest: Manifest,
  bundle: Bundle,
  { dir, archs, release }: AssembleOptions,
): Promise<void> {
  await mkdir(dir, { recursive: true });
  await copyFile(path.join(rootDir, 'plugin.json'), path.join(dir, 'plugin.json'));
  await cp(path.join(rootDir, 'assets'), path.join(dir, 'assets'), { recursive: true });
  await copyWebapp(manifest, dir, release);
  for (const arch of archs) {
    const executable = path.join(dir, executablePath(manifest, arch));
    await buildExecutable(bundle, executable, { arch, release });
    if (release) await copyLibraries(path.dirname(executable), arch);
  }
  if (release) await writeLicences(bundle, dir, archs);
}

async function copyWebapp(manifest: Manifest, dir: string, required: boolean): Promise<void> {
  const source = path.join(rootDir, manifest.webappBundle);
  const target = path.join(dir, manifest.webappBundle);
  if (!existsSync(source) && !required) return;
  await mkdir(path.dirname(target), { recursive: true });
  await copyFile(source, target);
}

/** Real files under the names that the loader asks for: the server skips links in a bundle. */
async function copyLibraries(executableDir: string, arch: Arch): Promise<void> {
  const dir = path.join(executableDir, libraryDir(arch));
  await mkdir(dir, { recursive: true });
  for (const library of bundledLibraries(arch)) {
    const target = path.join(dir, library.name);
    await copyFile(await realpath(library.file), target);
    await chmod(target, 0o644);
  }
}

async function writeLicences(bundle: Bundle, dir: string, archs: readonly Arch[]): Promise<void> {
  await copyFile(path.join(rootDir, 'LICENSE'), path.join(dir, 'LICENSE'));
  await writeFile(path.join(dir, 'NOTICE.txt'), await noticeText(bundle, archs));
}

if (import.meta.main) {
  const manifest = readManifest();
  const dir = developmentPluginDir(manifest);
  await rm(path.join(dir, 'webapp'), { recursive: true, force: true });
  const options = { dir, archs: [machineArch()], release: false };
  await assemble(manifest, await bundleServer(), options);
  console.log(path.relative(rootDir, dir));
}
