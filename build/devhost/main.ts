// `make run`: the plugin in a host of our own, until Ctrl-C.
//   node build/devhost/main.ts [port]      NODES=3: a cluster of so many servers
import path from 'node:path';

import { rootDir } from '../manifest.ts';
import { startDevHost } from './host.ts';

const nodeCount = Number(process.env.NODES ?? 1);
const isAlone = nodeCount === 1;
const host = await startDevHost({
  stateDir: path.join(rootDir, '.cache', isAlone ? 'devhost' : `devhost-${nodeCount}`),
  port: Number(process.argv[2] ?? process.env.PORT ?? 0),
  nodeCount,
  healthCheckMs: 5_000,
  scrapeIntervalSeconds: 5,
  log: (level, message, fields) => {
    const pairs = fields.length === 0 ? '' : ` (${fields.join(' ')})`;
    console.error(`${new Date().toISOString()} ${level}: ${message}${pairs}`);
  },
});
if (isAlone && !host.hasNodeExporter) {
  console.error('node_exporter is not installed (apt-get install prometheus-node-exporter)');
}
for (const { name, url } of isAlone ? [] : host.nodes) console.log(`${name}: ${url}/`);
console.log(`The plugin is ${host.supervisor.state}. Open ${host.url}/ and press "Create dump".`);

let closing = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second Ctrl-C does not wait for the plugin.
    if (closing) process.exit(1);
    closing = true;
    void host.close().then(() => process.exit(0));
  });
}
