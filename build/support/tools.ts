import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program that a suite needs beside Node, and the line that installs it. */
export interface Tool {
  name: string;
  install: string;
  find: () => string | undefined;
}

export function inPath(program: string, more: readonly string[] = []): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...more];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

export const tools = {
  go: {
    name: 'Go 1.21 or newer (it fetches the 1.26 that the modules ask for)',
    install: 'https://go.dev/doc/install, or apt-get install golang on Debian 13',
    find: () => inPath('go', ['/usr/local/go/bin']),
  },
  postgres: {
    name: 'PostgreSQL',
    install: 'apt-get install postgresql',
    find: findPostgres,
  },
  mariadb: {
    name: 'MariaDB',
    install: 'apt-get install mariadb-server-core mariadb-client-core',
    find: () => inPath('mariadbd', ['/usr/sbin']),
  },
  mariadbInstall: {
    name: 'mariadb-install-db',
    install: 'apt-get install mariadb-server-core mariadb-client-core',
    find: () => inPath('mariadb-install-db'),
  },
  prometheus: {
    name: 'Prometheus',
    install: 'apt-get install prometheus',
    find: () => inPath('prometheus'),
  },
  promtool: {
    name: 'promtool',
    install: 'apt-get install prometheus',
    find: () => inPath('promtool'),
  },
  nodeExporter: {
    name: 'node_exporter',
    install: 'apt-get install prometheus-node-exporter',
    // Upstream's name, and Debian's.
    find: () => inPath('node_exporter') ?? inPath('prometheus-node-exporter'),
  },
  strace: {
    name: 'strace',
    install: 'apt-get install strace',
    find: () => inPath('strace'),
  },
  setpriv: {
    name: 'setpriv',
    install: 'apt-get install util-linux',
    find: () => inPath('setpriv'),
  },
} satisfies Record<string, Tool>;

/** The folder that holds `postgres` and `initdb`; Debian keeps them out of the PATH, by version. */
function findPostgres(): string | undefined {
  const base = '/usr/lib/postgresql';
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => join(base, version, 'bin'));
  const direct = inPath('initdb');
  if (direct !== undefined) folders.push(join(direct, '..'));
  return folders.find((folder) => existsSync(join(folder, 'initdb')));
}

/** The tools that this machine lacks, each as a line that says how to get it. */
export function missingTools(needed: readonly Tool[]): string[] {
  return needed
    .filter((tool) => tool.find() === undefined)
    .map((tool) => `${tool.name} is missing: ${tool.install}`);
}

/** Path of a tool that must be there. */
export function requireTool(tool: Tool): string {
  const path = tool.find();
  if (path === undefined) throw new Error(`${tool.name} is missing: ${tool.install}`);
  return path;
}

/** Whether a system user of this name exists. */
export function userExists(name: string): boolean {
  return spawnSync('id', ['-u', name]).status === 0;
}
