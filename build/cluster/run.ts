/** `make cluster-test`: a cluster under faults, simulated and with real processes. */
import { join } from 'node:path';

import { repositoryRoot } from '../support/repository.ts';
import { runTestFiles, totalsLine } from '../support/report.ts';

process.env.CLUSTER_RUNS ??= '200';
process.env.CLUSTER_SEED ??= String(Math.floor(Math.random() * 2 ** 31));
const totals = await runTestFiles([
  join(repositoryRoot, 'server', 'test', 'cluster', 'lease.test.ts'),
  join(repositoryRoot, 'server', 'test', 'cluster', 'simulation.test.ts'),
  join(import.meta.dirname, 'processes.test.ts'),
]);
console.log(totalsLine(totals));
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
