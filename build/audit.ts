// Tells whether what we ship of others is the newest of its line.
// Exits with 1 when the Node that is shipped is not, or npm knows a vulnerability of a package in the
// bundle.
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { record, rootDir, text } from './manifest.ts';
import { newestOfLine } from './node-line.ts';
import { run } from './run.ts';

/** One sentence for each thing that is out of date. */
async function checkNode(): Promise<string[]> {
  const file = path.join(rootDir, 'build', 'package.json');
  const pinned = record(
    record(JSON.parse(readFileSync(file, 'utf8')), file).optionalDependencies,
    file,
  );
  const problems: string[] = [];
  for (const name of Object.keys(pinned).filter((key) => key.startsWith('node-linux-'))) {
    const version = text(pinned[name], name);
    const published: unknown = JSON.parse(await run('npm', ['view', name, 'versions', '--json']));
    const newest = newestOfLine(version, Array.isArray(published) ? published.map(String) : []);
    const isNewest = newest === version;
    console.log(`${name} ${version}: ${isNewest ? 'the newest of its line' : `${newest} is out`}`);
    if (!isNewest) problems.push(`${name} ${version} is shipped, ${newest} is out`);
  }
  return problems;
}

/** Not every registry has the list of advisories; then that is printed, and proves nothing. */
async function checkAdvisories(): Promise<string[]> {
  try {
    await run('npm', ['audit', '--omit=dev'], { cwd: rootDir });
    console.log('npm audit: no advisory for the packages in the bundle');
    return [];
  } catch (error) {
    const output = error instanceof Error ? error.message : String(error);
    if (!output.includes('audit endpoint returned an error')) return [output];
    console.log('npm audit: this registry has no list of advisories');
    return [];
  }
}

const problems = [...(await checkNode()), ...(await checkAdvisories())];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
