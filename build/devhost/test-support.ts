import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { developmentPluginDir, executablePath, machineArch, readManifest } from '../manifest.ts';
import { run } from '../support/processes.ts';
import { temporaryDir } from '../support/temporary.ts';
import { missingTools, tools } from '../support/tools.ts';
import { type DevHost, startDevHost } from './host.ts';

export const manifest = readManifest();

const executable = path.join(
  developmentPluginDir(manifest),
  executablePath(manifest, machineArch()),
);

/** For the `skip` option: what the tests need that is not there. In CI they fail instead. */
export const skipWithoutExecutable = skip(
  existsSync(executable) ? [] : ['no executable: make executable'],
);
export const skipWithoutPrometheus = skip(missingTools([tools.prometheus, tools.setpriv]));
export const skipWithoutStrace = skip(missingTools([tools.strace]));
export const skipWithoutPostgres = skip(missingTools([tools.postgres]));

function skip(missing: readonly string[]): string | false {
  return missing.length > 0 && process.env.CI !== 'true' ? missing.join('; ') : false;
}

export interface TestHost {
  readonly host: DevHost;
  readonly stateDir: string;
  /** What the plugin logged, one line each. */
  readonly log: readonly string[];
}

export interface TestHostOptions {
  /** Where an earlier host kept its data; a fresh folder otherwise. */
  readonly stateDir?: string;
  /** Another program than the plugin. */
  readonly executable?: string;
  /** A cluster of so many; 1 when it is not given. */
  readonly nodeCount?: number;
  /** Plugins beside it, with what they show as metrics. */
  readonly otherPlugins?: Readonly<Record<string, string>>;
}

/** A host with a short scrape interval. */
export async function startTestHost(options: TestHostOptions = {}): Promise<TestHost> {
  const log: string[] = [];
  const stateDir = options.stateDir ?? temporaryDir('devhost');
  const host = await startDevHost({
    ...options,
    stateDir,
    port: 0,
    healthCheckMs: 500,
    scrapeIntervalSeconds: 1,
    log: (level, message, fields) => log.push(`${level}: ${message} ${fields.join(' ')}`),
  });
  return { host, stateDir, log };
}

/** A request to a route of the plugin; its JSON answer. Another status than 200 throws. */
export async function pluginJson<T>(
  host: Pick<DevHost, 'url'>,
  route: string,
  init?: RequestInit,
): Promise<T> {
  const response = await fetch(`${host.url}/plugins/${manifest.id}${route}`, init);
  const body = await response.text();
  if (response.status !== 200) throw new Error(`${route}: ${response.status} ${body}`);
  return JSON.parse(body) as T;
}

/** Unpacks a dump and returns its folder. */
export function unpack(archive: Uint8Array): string {
  const dir = temporaryDir('dump');
  const file = path.join(dir, 'dump.tar.gz');
  writeFileSync(file, archive);
  const unpacked = path.join(dir, 'unpacked');
  mkdirSync(unpacked);
  run('tar', ['-xzf', file, '-C', unpacked]);
  return unpacked;
}
