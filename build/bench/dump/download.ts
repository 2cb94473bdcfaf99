// Downloads through a real Mattermost server: our bundle beside a Go plugin that answers as the Go plugin
// 0.7.0 does. Both send a file of the same size from the local file store.
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';

import { Person, SystemConsole } from '../../e2e/administrator.ts';
import { bundlePath } from '../../e2e/bundle.ts';
import { createDump } from '../../e2e/dumps.ts';
import { buildServer, MattermostServer } from '../../e2e/mattermost-server.ts';
import { fillFile } from '../../e2e/throughput.ts';
import { goBuild } from '../../support/go.ts';
import { startPostgres } from '../../support/postgres.ts';
import type { Postgres } from '../../support/postgres.ts';
import { run } from '../../support/processes.ts';
import { pluginId, repositoryRoot } from '../../support/repository.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { waitUntil } from '../../support/wait.ts';

const COPY_ID = 'copyplugin';
const HOUR_MS = 3_600_000;

/** A server with both plugins, ready to be downloaded from as often as one likes. */
export class Downloads {
  readonly #postgres: Postgres;
  readonly #server: MattermostServer;
  readonly #admin: Person;
  readonly #sizeBytes: number;
  readonly #jobId: string;

  private constructor(
    postgres: Postgres,
    server: MattermostServer,
    admin: Person,
    sizeBytes: number,
    jobId: string,
  ) {
    this.#postgres = postgres;
    this.#server = server;
    this.#admin = admin;
    this.#sizeBytes = sizeBytes;
    this.#jobId = jobId;
  }

  static async prepare(sizeBytes: number): Promise<Downloads> {
    const dir = temporaryDir('bench-download');
    const postgres = await startPostgres(dir);
    const serverDir = join(dir, 'mattermost');
    mkdirSync(serverDir);
    const server = await MattermostServer.create(buildServer(), serverDir, postgres.dsn);
    await server.start();
    const admin = await Person.signUp(server.url, 'admin');
    const systemConsole = new SystemConsole(admin);
    await systemConsole.upload(bundlePath());
    await systemConsole.save({ scrapeintervalseconds: 1 });
    await systemConsole.enable(pluginId);
    await waitUntil('it scrapes', async () => {
      const { head } = await admin.pluginJson<{ head?: { samples: number } }>('/status');
      return (head?.samples ?? 0) > 0;
    });
    const job = await createDump(admin, Date.now() - HOUR_MS, Date.now());
    // A real dump of this size would take its time; what is in it does not matter here.
    fillFile(join(serverDir, 'data', job.dump_location), sizeBytes);
    fillFile(join(serverDir, 'download.bin'), sizeBytes);
    await systemConsole.upload(copyBundle());
    await systemConsole.enable(COPY_ID);
    return new Downloads(postgres, server, admin, sizeBytes, job.id);
  }

  /** Seconds of one download of ours. */
  ours(): Promise<number> {
    return this.#download(`/plugins/${pluginId}/jobs/download/${this.#jobId}`);
  }

  theirs(): Promise<number> {
    return this.#download(`/plugins/${COPY_ID}/`);
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    await this.#postgres.stop();
  }

  /** Nothing of the answer is kept or looked at, but for its length. */
  #download(path: string): Promise<number> {
    const headers = { Authorization: `Bearer ${this.#admin.client.getToken()}` };
    const beganMs = performance.now();
    return new Promise((resolve, reject) => {
      get(`${this.#server.url}${path}`, { headers }, (response) => {
        let received = 0;
        response.on('data', (piece: Uint8Array) => (received += piece.length));
        response.on('error', reject);
        response.on('end', () => {
          const expected = this.#sizeBytes;
          if (received === expected) resolve((performance.now() - beganMs) / 1000);
          else reject(new Error(`${received} of ${expected} bytes, status ${response.statusCode}`));
        });
      }).on('error', reject);
    });
  }
}

/** The upload bundle of the Go program. */
function copyBundle(): string {
  const program = goBuild({
    dir: join(repositoryRoot, 'build', 'conformance', 'cluster', 'go-node'),
    name: COPY_ID,
    package: `./${COPY_ID}`,
  });
  const root = temporaryDir('bench-copyplugin');
  const executable = join(root, COPY_ID, 'server', 'plugin');
  mkdirSync(join(root, COPY_ID, 'server'), { recursive: true });
  copyFileSync(program, executable);
  chmodSync(executable, 0o755);
  const manifest = {
    id: COPY_ID,
    name: COPY_ID,
    version: '0.0.1',
    server: { executable: 'server/plugin' },
  };
  writeFileSync(join(root, COPY_ID, 'plugin.json'), JSON.stringify(manifest));
  const bundle = join(root, `${COPY_ID}.tar.gz`);
  run('tar', ['-czf', bundle, '-C', root, COPY_ID]);
  return bundle;
}
