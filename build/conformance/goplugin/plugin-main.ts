/** A plugin process for the Go host in peer/goplugin.go, and for tests of how processes end. */
import { appendFileSync } from 'node:fs';

import { silentLogger } from '../../../server/src/base/log.ts';
import { pluginProcess } from '../../../server/src/platform/plugin-process.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { serveGoPlugin } from '../../../server/src/protocol/goplugin/index.ts';
import { handshake, servePlugin } from './arith.ts';

process.exitCode = await serveGoPlugin({
  process: pluginProcess,
  clock: systemClock,
  logger: silentLogger,
  handshake,
  plugins: { arith: servePlugin },
  startedByHand: 'This is a plugin. Upload it instead of starting it.',
  onEnd: (reason) => {
    // Tests learn from this file that the process ended in an orderly way, and why.
    if (process.env.END_FILE !== undefined) appendFileSync(process.env.END_FILE, `${reason}\n`);
    return Promise.resolve();
  },
});
// Nothing that is left over may keep the process.
process.exit();
