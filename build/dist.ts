// Makes the bundles that an administrator uploads.
//   node build/dist.ts            all of them
//   node build/dist.ts amd64      the one for linux-amd64 alone
import { mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { assemble } from './assemble.ts';
import { bundleServer } from './bundle.ts';
import { checkBundle } from './check-dist.ts';
import { architectures, type Manifest, readManifest, rootDir } from './manifest.ts';
import { packFolder, sourceDate } from './pack.ts';
import { run } from './run.ts';

/** The usual limit of a proxy in front of Mattermost; with both platforms inside it is 100 MB. */
const platformBundleMaxBytes = 50_000_000;

const distDir = path.join(rootDir, 'dist');

async function main(wanted: readonly string[]): Promise<void> {
  const archs = architectures.filter((arch) => wanted.length === 0 || wanted.includes(arch));
  if (archs.length === 0) throw new Error(`unknown platform: ${wanted.join(' ')}`);
  const manifest = readManifest();
  const bundle = await bundleServer();
  const files: string[] = [];
  for (const arch of archs) {
    const stage = stageDir(`linux-${arch}`);
    await rm(stage, { recursive: true, force: true });
    const dir = path.join(stage, manifest.id);
    await assemble(manifest, bundle, { dir, archs: [arch], release: true });
    files.push(await packBundle(manifest, stage, `-linux-${arch}`));
  }
  if (archs.length === architectures.length) files.push(await packBoth(manifest));
  await report(manifest, files);
}

function stageDir(name: string): string {
  return path.join(distDir, 'stage', name);
}

/** The executables are the very same files as in the bundles of one platform. */
async function packBoth(manifest: Manifest): Promise<string> {
  const stage = stageDir('both');
  await rm(stage, { recursive: true, force: true });
  await mkdir(stage, { recursive: true });
  for (const arch of architectures) {
    await run('cp', ['-a', `${stageDir(`linux-${arch}`)}/.`, stage]);
  }
  return packBundle(manifest, stage, '');
}

async function packBundle(manifest: Manifest, stage: string, suffix: string): Promise<string> {
  const target = path.join(distDir, `${manifest.id}-${manifest.version}${suffix}.tar.gz`);
  await packFolder(path.join(stage, manifest.id), target, await sourceDate());
  return target;
}

async function report(manifest: Manifest, files: readonly string[]): Promise<void> {
  for (const file of files) {
    const { size } = await stat(file);
    const platform = /-linux-(\w+)\.tar\.gz$/.exec(file)?.[1];
    if (platform !== undefined && size > platformBundleMaxBytes) {
      throw new Error(`${file}: ${size} bytes, allowed are ${platformBundleMaxBytes}`);
    }
    await checkBundle(manifest, file);
    console.log(`${path.relative(rootDir, file)}  ${(size / 1e6).toFixed(1)} MB`);
  }
}

await main(process.argv.slice(2));
