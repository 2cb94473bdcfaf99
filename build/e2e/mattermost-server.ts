import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { goBuild } from '../support/go.ts';
import { childrenOf, ended, run, spawnTied } from '../support/processes.ts';
import { freePort } from '../support/temporary.ts';
import { requireTool, tools } from '../support/tools.ts';
import { waitUntil } from '../support/wait.ts';

const serverModule = join(import.meta.dirname, 'server');

/**
 * The real server 9.9.0. `sourceavailable` adds its metrics, the build number "dev" lets them be
 * served without a licence; not a line of it is changed.
 */
export function buildServer(): string {
  const buildNumber = 'github.com/mattermost/mattermost/server/public/model.BuildNumber=dev';
  return goBuild({
    dir: serverModule,
    name: 'mattermost-9.9.0',
    flags: ['-tags', 'sourceavailable', '-ldflags', `-s -w -X ${buildNumber}`],
  });
}

/** Folder of the server's module, which has the fonts, texts and templates that it reads at run time. */
function serverSource(): string {
  const go = requireTool(tools.go);
  const format = ['list', '-mod=mod', '-m', '-f', '{{.Dir}}'];
  const env = { ...process.env, GONOSUMDB: 'github.com/mattermost/*' };
  return run(go, [...format, 'github.com/mattermost/mattermost/server/v8'], {
    cwd: serverModule,
    env,
  }).trim();
}

/** A Mattermost server in a directory of its own; it can be stopped, killed and started again. */
export class MattermostServer {
  /** Working directory: `plugins/`, `data/` (the local file store) and `logs/` are in it. */
  readonly dir: string;
  readonly port: number;
  readonly metricsPort: number;
  #program: string;
  #databaseDsn: string;
  #process: ChildProcess | undefined;

  private constructor(program: string, dir: string, dsn: string, ports: [number, number]) {
    this.#program = program;
    this.dir = dir;
    this.#databaseDsn = dsn;
    [this.port, this.metricsPort] = ports;
  }

  /** @param dir an existing directory, empty */
  static async create(program: string, dir: string, dsn: string): Promise<MattermostServer> {
    const source = serverSource();
    for (const folder of ['fonts', 'i18n', 'templates']) {
      symlinkSync(join(source, folder), join(dir, folder));
    }
    for (const folder of ['config', 'data', 'logs', 'plugins', 'client/plugins']) {
      mkdirSync(join(dir, folder), { recursive: true });
    }
    return new MattermostServer(program, dir, dsn, [await freePort(), await freePort()]);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Process id of the only plugin of this server. */
  pluginPid(): number | undefined {
    return this.pid === undefined ? undefined : childrenOf(this.pid)[0];
  }

  /** Everything that the server has logged, over all its runs. */
  log(): string {
    return readFileSync(join(this.dir, 'logs', 'console.log'), 'utf8');
  }

  /** @param settings environment variables `MM_…` beside the usual ones */
  async start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const log = openSync(join(this.dir, 'logs', 'console.log'), 'a');
    this.#process = spawnTied(this.#program, ['server'], {
      cwd: this.dir,
      env: { ...process.env, ...this.#settings(), ...settings },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const server = this.#process;
    await waitUntil(
      'the Mattermost server answers',
      async () => {
        if (server.exitCode !== null) throw new Error(`it ended:\n${this.log().slice(-3000)}`);
        return (await fetch(`${this.url}/api/v4/system/ping`)).ok;
      },
      120_000,
      200,
    );
  }

  /** The stop that a service manager asks for; plugins are shut down first. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** The end of a machine that dies. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const server = this.#process;
    if (!server) return;
    server.kill(signal);
    await ended(server);
    this.#process = undefined;
  }

  /** What differs from the defaults: where things are, and nothing that reaches out of this machine. */
  #settings(): Record<string, string> {
    return {
      MM_SQLSETTINGS_DRIVERNAME: 'postgres',
      MM_SQLSETTINGS_DATASOURCE: this.#databaseDsn,
      MM_SERVICESETTINGS_SITEURL: this.url,
      MM_SERVICESETTINGS_LISTENADDRESS: `127.0.0.1:${this.port}`,
      MM_SERVICESETTINGS_ENABLESECURITYFIXALERT: 'false',
      MM_METRICSSETTINGS_ENABLE: 'true',
      MM_METRICSSETTINGS_LISTENADDRESS: `127.0.0.1:${this.metricsPort}`,
      MM_PLUGINSETTINGS_ENABLEUPLOADS: 'true',
      MM_PLUGINSETTINGS_ENABLEMARKETPLACE: 'false',
      MM_PLUGINSETTINGS_ENABLEREMOTEMARKETPLACE: 'false',
      MM_PLUGINSETTINGS_AUTOMATICPREPACKAGEDPLUGINS: 'false',
      MM_ANNOUNCEMENTSETTINGS_ADMINNOTICESENABLED: 'false',
      MM_ANNOUNCEMENTSETTINGS_USERNOTICESENABLED: 'false',
      MM_EMAILSETTINGS_SENDPUSHNOTIFICATIONS: 'false',
      MM_LOGSETTINGS_ENABLEDIAGNOSTICS: 'false',
      MM_LOGSETTINGS_ENABLEFILE: 'false',
      MM_LOGSETTINGS_CONSOLELEVEL: 'DEBUG',
      MM_LOGSETTINGS_CONSOLEJSON: 'true',
      MM_TEAMSETTINGS_ENABLEOPENSERVER: 'true',
    };
  }
}
