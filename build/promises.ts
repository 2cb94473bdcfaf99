// Proves that each promise has its test. The words of `reservedWords` make a sentence of a comment or
// a document a promise; server/docs/promises.md names the test of each, or the row of a table in which
// it stands does. Who means no promise chooses another word.
import { readFileSync } from 'node:fs';
import path from 'node:path';

import ts from 'typescript';

import { rootDir } from './manifest.ts';
import { isTest, sourceFiles, type SourceFile } from './source-files.ts';

const reservedWords = /\b(never|always|every|within|cannot)\b/i;
export const promisesFile = 'server/docs/promises.md';

/** A sentence that promises something. */
export interface Promised {
  readonly path: string;
  readonly sentence: string;
}

/** A row of the table: `path` holds the words `quote`, and `tests` try to break what they say. */
export interface PromiseRow {
  readonly path: string;
  readonly quote: string;
  readonly tests: readonly TestName[];
}

export interface TestName {
  readonly path: string;
  /** Words of the test's title. */
  readonly title: string;
}

/** Sentences with a reserved word, in the comments of a source or in the text of a document. */
export function promisesOf(file: SourceFile): Promised[] {
  const blocks = isDocument(file)
    ? textBlocks(file.text)
        .filter((block) => !namesTest(block))
        .map((block) => block.replace(/`[^`\n]*`/g, '`…`'))
    : commentBlocks(file.text);
  return blocks
    .flatMap(sentencesOf)
    .filter((sentence) => reservedWords.test(sentence))
    .map((sentence) => ({ path: file.path, sentence }));
}

function isDocument({ path: file }: SourceFile): boolean {
  return file.endsWith('.md');
}

/** Paragraphs, items and table rows; code promises nothing. */
function textBlocks(text: string): string[] {
  return text.replace(/^```[\s\S]*?^```$/gm, '\n').split(/\n\s*\n|\n(?=\s*(?:[-*|#]|\d+\.)\s)/);
}

/** Whether it is a row of a table that itself says which test proves it. */
function namesTest(block: string): boolean {
  return /^\s*\|/.test(block) && testsOf(block).some((test) => test.path.endsWith('.test.ts'));
}

/** The tests that rows of a document name. */
export function namedTests(document: SourceFile): TestName[] {
  return textBlocks(document.text).filter(namesTest).flatMap(testsOf);
}

/** Comments, those that follow one another line by line as one. */
function commentBlocks(text: string): string[] {
  const blocks: string[] = [];
  let lastEnd = 0;
  let lastWasLine = false;
  for (const { start, end } of commentRanges(text)) {
    const words = text
      .slice(start, end)
      .replace(/^\/\*\*?|\*\/$/g, '')
      .replace(/^[^\S\n]*(?:\/\/|\*)/gm, '');
    const isLine = text.startsWith('//', start);
    const isNext = isLine && /^[^\S\n]*\n[^\S\n]*$/.test(text.slice(lastEnd, start));
    if (isNext && lastWasLine) blocks.push(`${blocks.pop() ?? ''} ${words}`);
    else blocks.push(...words.split(/\n\s*\n|\n(?=\s*(?:-|@\w+)\s)/));
    lastEnd = end;
    lastWasLine = isLine;
  }
  return blocks;
}

function commentRanges(text: string): { start: number; end: number }[] {
  const parsed = ts.createSourceFile(
    'x.tsx',
    text,
    ts.ScriptTarget.ESNext,
    true,
    ts.ScriptKind.TSX,
  );
  const found = new Map<number, number>();
  const visit = (node: ts.Node): void => {
    // Comments stand before a token, or after it in its line; JSX text looks like neither.
    if (node.kind !== ts.SyntaxKind.JsxText) {
      const before = ts.getLeadingCommentRanges(text, node.getFullStart()) ?? [];
      const after = ts.getTrailingCommentRanges(text, node.getEnd()) ?? [];
      for (const { pos, end } of [...before, ...after]) found.set(pos, end);
    }
    for (const child of node.getChildren(parsed)) visit(child);
  };
  visit(parsed);
  return [...found].sort(([a], [b]) => a - b).map(([start, end]) => ({ start, end }));
}

function sentencesOf(block: string): string[] {
  return normalize(block).split(/(?<=[.;!?])\s+(?=[A-Z`"(*[|])/);
}

/** One blank for each stretch of white space, and no emphasis. */
function normalize(text: string): string {
  return text
    .replace(/\*\*|\*(?=\w)|(?<=\w)\*/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Reads the rows `| path | quote | test path: title; … |` of the document. */
export function parsePromises(text: string): PromiseRow[] {
  const cells = text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
  return cells.map(([where = '', quote = '', tests = '']) => ({
    path: where.replaceAll('`', '').trim(),
    quote: normalize(quote.replaceAll('\\|', '|')),
    tests: testsOf(tests),
  }));
}

/** All of `test path: title; …` in a row or a cell of it. */
function testsOf(cell: string): TestName[] {
  const found = cell.matchAll(/`([^`]+\.tsx?)`:\s+(?!\s)((?:\\\||[^;|])+)/g);
  return [...found].map(([, file = '', title = '']) => ({
    path: file,
    title: title.replaceAll('\\|', '|').trim(),
  }));
}

/** One sentence for each promise without a row, and for each row that points to nothing. */
export function checkPromises(
  promised: readonly Promised[],
  rows: readonly PromiseRow[],
  files: readonly SourceFile[],
): string[] {
  const keeps = (row: PromiseRow, { path: file, sentence }: Promised): boolean =>
    row.path === file && sentence.includes(row.quote);
  const unlisted = promised
    .filter((promise) => !rows.some((row) => keeps(row, promise)))
    .map(({ path: file, sentence }) => `${file}: no test is named for: ${sentence}`);
  const stale = rows
    .filter((row) => !promised.some((promise) => keeps(row, promise)))
    .map((row) => `${promisesFile}: ${row.path} does not say: ${row.quote}`);
  const untested = rows.flatMap((row) => {
    if (row.tests.length === 0) return [`${promisesFile}: no test for: ${row.quote}`];
    return checkTests(promisesFile, row.tests, files);
  });
  return [...unlisted, ...stale, ...untested];
}

/** One sentence for each test that is named in the document `where` and is not there. */
export function checkTests(
  where: string,
  tests: readonly TestName[],
  files: readonly SourceFile[],
): string[] {
  const texts = new Map(files.map((file) => [file.path, file.text]));
  return tests
    .filter((test) => !(texts.get(test.path) ?? '').includes(test.title))
    .map((test) => `${where}: ${test.path} has no test "${test.title}"`);
}

if (import.meta.main) {
  const files = sourceFiles(/\.(tsx?|md|go)$/);
  const spoken = files.filter(
    ({ path: file }) =>
      /^(README\.md|server\/(src|docs)\/|webapp\/src\/)/.test(file) &&
      /\.(tsx?|md)$/.test(file) &&
      file !== promisesFile &&
      !isTest(file),
  );
  const table = readFileSync(path.join(rootDir, promisesFile), 'utf8');
  const problems = [
    ...checkPromises(spoken.flatMap(promisesOf), parsePromises(table), files),
    ...spoken
      .filter(isDocument)
      .flatMap((document) => checkTests(document.path, namedTests(document), files)),
  ];
  for (const line of problems) console.error(line);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
