import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Top folder of the repository. */
export const rootDir = fileURLToPath(new URL('..', import.meta.url));

/** Processor names as the manifest of a Mattermost plugin spells them. */
export const architectures = ['amd64', 'arm64'] as const;
export type Arch = (typeof architectures)[number];

/** The part of plugin.json that the build reads; plugin.json is the only place that states these. */
export interface Manifest {
  readonly id: string;
  readonly version: string;
  /** Path inside the bundle by platform, for example `linux-amd64`. */
  readonly executables: Readonly<Record<string, string>>;
  readonly webappBundle: string;
}

export function readManifest(): Manifest {
  const file = path.join(rootDir, 'plugin.json');
  const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const manifest = record(json, file);
  const executables = record(record(manifest.server, 'server').executables, 'server.executables');
  return {
    id: text(manifest.id, 'id'),
    version: text(manifest.version, 'version'),
    executables: Object.fromEntries(
      Object.entries(executables).map(([platform, value]) => [platform, text(value, platform)]),
    ),
    webappBundle: text(record(manifest.webapp, 'webapp').bundle_path, 'webapp.bundle_path'),
  };
}

/** Where `make executable` and `make run` assemble the plugin as the server would unpack it. */
export function developmentPluginDir(manifest: Manifest): string {
  return path.join(rootDir, 'dist', 'plugin', manifest.id);
}

/** The architecture of the machine that builds. */
export function machineArch(): Arch {
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw new Error(`the plugin runs on x64 and arm64, and this machine is ${process.arch}`);
}

/** Path of the executable inside the bundle. */
export function executablePath(manifest: Manifest, arch: Arch): string {
  const file = manifest.executables[`linux-${arch}`] as string | undefined;
  if (file === undefined) throw new Error(`plugin.json names no executable for linux-${arch}`);
  return file;
}

export function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${what}: expected an object`);
  }
  return Object.fromEntries(Object.entries(value));
}

export function text(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') throw new Error(`${what}: expected a text`);
  return value;
}
