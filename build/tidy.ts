// Checks what neither the compiler nor the linter looks at: sizes, words that say that something is
// unfinished, places of one machine, files that nothing uses, error codes without documentation.
import { readFileSync } from 'node:fs';
import path from 'node:path';

import ts from 'typescript';

import { importsOf } from './imports.ts';
import { rootDir } from './manifest.ts';
import { isTest, sourceFiles, type SourceFile } from './source-files.ts';

const fileMaxLines = 400;
/** A table of cases is easier to read in one piece. */
const testMaxLines = 600;
const functionMaxLines = 70;

/** Files over the limit, with the reason; 600 lines is the most that a reason can buy. */
const longFiles: Readonly<Record<string, { readonly maxLines: number; readonly why: string }>> = {
  'server/src/plugin/metrics-plugin.ts': { maxLines: 410, why: 'wires all parts in one place' },
  'server/src/tsdb/db/db.ts': { maxLines: 420, why: 'owns all that is done one at a time' },
};

/** This file and its test have to spell the words out. */
const exempt = /^build\/tidy(\.test)?\.ts$/;

const bannedWords: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, why: 'finish it, or write an issue' },
  { pattern: /\bfor now\b/i, why: 'say what it does, or finish it' },
  { pattern: /@ts-(ignore|nocheck|expect-error)\b/, why: 'repair the type' },
  { pattern: /\bas (unknown as|any)\b/, why: 'repair the type' },
  { pattern: /eslint-disable(?!.* -- )/, why: 'give the reason after --' },
  { pattern: /(^|[\s'"`(=])\/(root|home\/\w+|Users\/\w+)\//, why: 'a path of one machine' },
];

/** One sentence for each thing that is out of order in `file`. */
export function checkFile(file: SourceFile): string[] {
  if (exempt.test(file.path)) return [];
  return [...checkWords(file), ...(/\.tsx?$/.test(file.path) ? checkSizes(file) : [])];
}

function checkWords(file: SourceFile): string[] {
  return file.text
    .split('\n')
    .flatMap((line, index) =>
      bannedWords
        .filter(({ pattern }) => pattern.test(line))
        .map(({ why }) => `${file.path}:${index + 1}: ${line.trim()}: ${why}`),
    );
}

function checkSizes(file: SourceFile): string[] {
  const problems: string[] = [];
  const lines = file.text.split('\n').length - 1;
  const allowed =
    longFiles[file.path]?.maxLines ?? (isTest(file.path) ? testMaxLines : fileMaxLines);
  if (lines > allowed) problems.push(`${file.path}: ${lines} lines, allowed are ${allowed}`);
  // A test suite is one long callback by nature.
  if (isTest(file.path)) return problems;
  const parsed = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ESNext, true);
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const start = parsed.getLineAndCharacterOfPosition(node.getStart()).line;
      const length = parsed.getLineAndCharacterOfPosition(node.end).line - start + 1;
      if (length > functionMaxLines) {
        problems.push(
          `${file.path}:${start + 1}: function of ${length} lines, allowed are ${functionMaxLines}`,
        );
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return problems;
}

/** What runs by itself; all other sources have to be imported, directly or not, by one of these. */
const entryPoints = [
  /^server\/src\/(main|worker)\.ts$/,
  /^webapp\/src\/index\.tsx$/,
  /^webapp\/[^/]+\.config\.(ts|js|mjs|cjs)$/,
  /^build\/[^/]+\.ts$/,
  /^build\/[^/]+\/(main|run)\.ts$/,
  /^build\/devhost\/console\/src\/index\.tsx$/,
];

/** Sources that no program needs; what only a test imports is dead as well. */
export function findDeadFiles(files: readonly SourceFile[]): string[] {
  const code = new Map(files.filter((file) => /\.tsx?$/.test(file.path)).map((f) => [f.path, f]));
  const reached = new Set<string>();
  const visit = (file: SourceFile): void => {
    if (reached.has(file.path)) return;
    reached.add(file.path);
    for (const { target } of importsOf(file)) {
      const next = target === undefined ? undefined : resolve(target, code);
      if (next !== undefined) visit(next);
    }
  };
  for (const file of code.values()) {
    if (entryPoints.some((pattern) => pattern.test(file.path))) visit(file);
  }
  return [...code.keys()]
    .filter((file) => !reached.has(file) && !isTest(file) && !file.endsWith('.d.ts'))
    .filter((file) => /^(server|webapp)\/src\//.test(file))
    .map((file) => `${file}: nothing but tests uses it`);
}

/** The web app's imports leave the extension out, as webpack lets them. */
function resolve(target: string, code: ReadonlyMap<string, SourceFile>): SourceFile | undefined {
  const candidates = [target, `${target}.ts`, `${target}.tsx`, `${target}/index.ts`];
  return candidates.map((name) => code.get(name)).find((file) => file !== undefined);
}

/** Codes in the server that the table lacks, and rows of the table whose code is gone. */
export function compareErrorCodes(files: readonly SourceFile[], table: string): string[] {
  const used = new Map<string, string>();
  for (const file of files.filter(({ path: p }) => p.startsWith('server/src/') && !isTest(p))) {
    for (const [, code = ''] of file.text.matchAll(/(?<!startsWith\()'(ERR_[A-Z0-9_]+)'/g)) {
      used.set(code, file.path);
    }
  }
  const documented = new Set([...table.matchAll(/^\| `(ERR_[A-Z0-9_]+)`/gm)].map((m) => m[1]));
  const missing = [...used].filter(([code]) => !documented.has(code));
  const stale = [...documented].filter((code) => code !== undefined && !used.has(code));
  return [
    ...missing.map(([code, file]) => `${file}: ${code} has no row in server/docs/errors.md`),
    ...stale.map((code) => `server/docs/errors.md: no code throws ${code ?? ''}`),
  ];
}

if (import.meta.main) {
  const files = sourceFiles(/(\.(ts|tsx|js|mjs|json|md|go|sh|css|scss|yml)|Makefile|\.ci\/run)$/);
  const own = files.filter((file) => !/(package-lock\.json|\/testdata\/)/.test(file.path));
  const table = readFileSync(path.join(rootDir, 'server', 'docs', 'errors.md'), 'utf8');
  const problems = [
    ...own.flatMap(checkFile),
    ...findDeadFiles(own),
    ...compareErrorCodes(own, table),
  ];
  for (const line of problems) console.error(line);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
