/** Entry of the probe plugin's process. */
import { silentLogger } from '../../server/src/base/log.ts';
import { pluginProcess } from '../../server/src/platform/plugin-process.ts';
import { systemClock } from '../../server/src/platform/system-clock.ts';
import { servePlugin } from '../../server/src/protocol/mattermost/index.ts';
import { probeHooks } from './probe-plugin.ts';

process.exit(
  await servePlugin(probeHooks(), {
    process: pluginProcess,
    clock: systemClock,
    logger: silentLogger,
    startedByHand: 'started by a test',
  }),
);
