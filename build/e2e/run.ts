/** `make e2e`: the upload bundle on a real Mattermost server; ends with what passed and failed. */
import { join } from 'node:path';

import { runTestFiles, totalsLine } from '../support/report.ts';
import { missingTools, tools } from '../support/tools.ts';

const missing = missingTools([tools.go, tools.postgres, tools.prometheus, tools.setpriv]);
if (missing.length > 0) {
  console.error(missing.join('\n'));
  process.exit(1);
}
const totals = await runTestFiles(
  ['e2e.test.ts', 'cluster.test.ts'].map((file) => join(import.meta.dirname, file)),
);
console.log(totalsLine(totals));
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
