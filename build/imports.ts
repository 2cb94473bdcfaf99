import path from 'node:path';

import ts from 'typescript';

import type { SourceFile } from './source-files.ts';

/** One import, export-from or import() of a file. */
export interface Import {
  readonly specifier: string;
  /** Path from the top of the repository for a relative import, undefined for a package. */
  readonly target: string | undefined;
  /** Erased before the program runs. */
  readonly typeOnly: boolean;
}

/** Everything that `file` imports, types included. */
export function importsOf(file: SourceFile): Import[] {
  const { importedFiles } = ts.preProcessFile(file.text, true, true);
  const typePositions = typeOnlyPositions(file);
  return importedFiles.map(({ fileName: specifier, pos }) => ({
    specifier,
    target: specifier.startsWith('.')
      ? path.posix.join(path.posix.dirname(file.path), specifier)
      : undefined,
    typeOnly: typePositions.has(pos),
  }));
}

/** Places of the module names in `import type` and `export type` statements. */
function typeOnlyPositions(file: SourceFile): Set<number> {
  const parsed = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ESNext);
  const positions = new Set<number>();
  for (const statement of parsed.statements) {
    const typeOnly =
      (ts.isImportDeclaration(statement) && statement.importClause?.isTypeOnly === true) ||
      (ts.isExportDeclaration(statement) && statement.isTypeOnly);
    const specifier =
      ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)
        ? statement.moduleSpecifier
        : undefined;
    if (typeOnly && specifier !== undefined) positions.add(specifier.getStart(parsed));
  }
  return positions;
}

/** Name of the npm package in a bare specifier: `@scope/name/deep` is of `@scope/name`. */
export function packageName(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}
