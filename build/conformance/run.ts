/** `make conformance`: everything that is proved against the Go originals. */
import { globSync } from 'node:fs';

import { runTestFiles, totalsLine } from '../support/report.ts';
import { missingTools, tools } from '../support/tools.ts';

const missing = missingTools([tools.go, tools.postgres, tools.mariadb, tools.setpriv]);
if (missing.length > 0) {
  console.error(missing.join('\n'));
  process.exit(1);
}
// Arguments narrow the run to the files whose path contains one of them.
const wanted = process.argv.slice(2);
const files = globSync('**/*.test.ts', { cwd: import.meta.dirname })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
  .map((file) => `${import.meta.dirname}/${file}`);
const totals = await runTestFiles(files);
console.log(totalsLine(totals));
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
