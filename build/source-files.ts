import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { rootDir } from './manifest.ts';

/** A file of the repository: path from its top with forward slashes, and text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const builtFolders = new Set(['node_modules', 'dist', '.cache', '.git']);

/** All files that people wrote and whose path matches, in the order of their names. */
export function sourceFiles(pattern: RegExp): SourceFile[] {
  return globSync(['**/*', '.ci/*'], {
    cwd: rootDir,
    exclude: (name) => builtFolders.has(path.basename(name)),
  })
    .filter((file) => pattern.test(file))
    .sort()
    .map((file) => ({ path: file, text: readFileSync(path.join(rootDir, file), 'utf8') }));
}

export function isTest(file: string): boolean {
  return /\.test\.tsx?$/.test(file) || file.startsWith('server/test/');
}
