// The plugin process: constructs what the machine offers, serves the hooks, exits. No logic here.
// Started by a person with `tsdb` as the first argument, the executable is the command-line tool.

// First: the size of the pool counts when it is first used.
import './platform/pool-size.ts';

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

import manifest from '../../plugin.json' with { type: 'json' };
import { ThreadedPacker } from './platform/archive/archive-packer.ts';
import { diskFs } from './platform/disk-fs.ts';
import { exitProcess } from './platform/exit-process.ts';
import { NodeHttpClient } from './platform/http-client.ts';
import { LeavableFs } from './platform/leavable-fs.ts';
import { limitedFs } from './platform/limited-fs.ts';
import { pluginProcess } from './platform/plugin-process.ts';
import { NodeProcessStats } from './platform/process-stats.ts';
import { systemResolver } from './platform/resolver.ts';
import { systemClock } from './platform/system-clock.ts';
import { WorkerPool } from './platform/worker-pool.ts';
import { makeHooks } from './plugin/hooks.ts';
import { ProcessLogger } from './plugin/process-logger.ts';
import { servePlugin } from './protocol/mattermost/index.ts';
import { Db } from './tsdb/index.ts';

const STARTED_BY_HAND =
  'This program is a plugin of Mattermost: the Mattermost server starts it. Upload its bundle in ' +
  'the System Console under Plugins > Plugin Management.\n' +
  'With the arguments "tsdb --help" it tells what it can do with a folder of samples, such as a dump.';

// The host sets the cookie and gives no arguments.
const isTool = process.argv[2] === 'tsdb' && process.env.MATTERMOST_PLUGIN === undefined;
if (isTool) {
  void import('./tool.ts').then(({ main }) => main(process.argv.slice(2)));
} else {
  runPlugin();
}

function runPlugin(): void {
  const logger = new ProcessLogger((line) => void pluginProcess.writeStderr(line));

  // Whatever nobody caught is a bug, but the host disables a plugin for good that ends three times.
  process.on('uncaughtException', (error) => logger.error('Unexpected error', { error }));
  process.on('unhandledRejection', (error) => logger.error('Unexpected error', { error }));

  const fs = limitedFs(diskFs);
  const tasks = new WorkerPool();
  const hooks = makeHooks({
    info: { id: manifest.id, version: manifest.version },
    platform: {
      fs,
      makeStoreFs: () => new LeavableFs(diskFs),
      clock: systemClock,
      http: new NodeHttpClient(),
      resolver: systemResolver,
      process: new NodeProcessStats(),
      packer: new ThreadedPacker(tasks),
      tasks,
      randomBytes,
      hostname: hostname(),
      openDb: (dir, log) => Db.open({ fs, dir, clock: systemClock, logger: log, tasks }),
    },
    onLogger: (log) => logger.setHost(log),
  });

  const startedByHand = STARTED_BY_HAND;
  servePlugin(hooks, { process: pluginProcess, clock: systemClock, logger, startedByHand }).then(
    (exitCode) => exitProcess(exitCode, [tasks]),
    (error: unknown) => {
      logger.error('The plugin cannot be served', { error });
      return exitProcess(1, [tasks]);
    },
  );
}
