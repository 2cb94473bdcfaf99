// Proves that imports go down only, by the levels in layers.json. Tests may import anything.
import { readFileSync } from 'node:fs';

import { importsOf, packageName, type Import } from './imports.ts';
import { record, text } from './manifest.ts';
import { isTest, sourceFiles, type SourceFile } from './source-files.ts';

export interface Layer {
  /** Path under server/src. */
  readonly name: string;
  readonly level: number;
  readonly tower?: string;
  readonly outer: readonly string[];
  readonly seenBy?: readonly string[];
  readonly not: readonly string[];
  readonly sameLevel: readonly string[];
}

const prefix = 'server/src/';

/** One sentence for each import that breaks a rule, and for each cycle of files. */
export function findViolations(files: readonly SourceFile[], layers: readonly Layer[]): string[] {
  const sources = files.filter(
    (file) => file.path.startsWith(prefix) && !isTest(file.path) && !file.path.endsWith('.d.ts'),
  );
  const violations: string[] = [];
  for (const file of sources) {
    const layer = layerOf(file.path, layers);
    if (layer === undefined) {
      violations.push(`${file.path}: its folder has no level in build/layers.json`);
      continue;
    }
    for (const imported of importsOf(file)) {
      const reason = violation(layer, imported, layers);
      if (reason !== undefined) violations.push(`${file.path}: ${imported.specifier}: ${reason}`);
    }
  }
  return [...violations, ...findCycles(sources)];
}

/** One sentence for each name in `layers` that no file of `files` has, or lies below. */
export function findStaleNames(files: readonly SourceFile[], layers: readonly Layer[]): string[] {
  const paths = files.map(({ path }) => path.slice(prefix.length));
  const named = layers.flatMap(({ name, seenBy = [], not, sameLevel }) => {
    return [name, ...seenBy, ...not, ...sameLevel];
  });
  return [...new Set(named)]
    .filter((name) => !paths.some((path) => path === name || isWithin(path, name)))
    .map((name) => `build/layers.json: ${name}: there is no such file or folder`);
}

function layerOf(file: string, layers: readonly Layer[]): Layer | undefined {
  const inside = file.slice(prefix.length);
  const holders = layers.filter((layer) => inside === layer.name || isWithin(inside, layer.name));
  return holders.sort((a, b) => b.name.length - a.name.length)[0];
}

function isWithin(file: string, folder: string): boolean {
  return file.startsWith(`${folder}/`);
}

function violation(from: Layer, imported: Import, layers: readonly Layer[]): string | undefined {
  if (imported.target === undefined) return outerViolation(from, imported.specifier);
  if (imported.target === 'plugin.json') return undefined;
  if (!imported.target.startsWith(prefix)) return 'lies outside of server/src';
  const to = layerOf(imported.target, layers);
  if (to === undefined) return 'its folder has no level in build/layers.json';
  if (to === from || from.sameLevel.includes(to.name)) return undefined;
  if (to.level >= from.level) return `level ${from.level} may not import level ${to.level}`;
  if (to.tower !== undefined && from.tower !== undefined && to.tower !== from.tower) {
    return `tower ${from.tower} may not import tower ${to.tower}`;
  }
  if (to.seenBy?.includes(from.name) === false) return `${to.name} is seen by ${to.seenBy.join()}`;
  if (from.not.some((name) => to.name === name || isWithin(to.name, name))) {
    return `${from.name} may not import ${to.name}`;
  }
  return undefined;
}

function outerViolation(from: Layer, specifier: string): string | undefined {
  const name = specifier.startsWith('node:') ? 'node' : packageName(specifier);
  if (from.outer.includes(name)) return undefined;
  return name === 'node'
    ? 'Node is reached through the ports in server/src/base/ports'
    : `the package is not among those that ${from.name} may use`;
}

/**
 * Files that need one another at run time may see each other half-loaded. Cycles of types alone are
 * harmless: a recursive format has them by nature.
 */
export function findCycles(files: readonly SourceFile[]): string[] {
  const graph = new Map(files.map((file) => [file.path, importsOf(file)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) cycles.push(`import cycle: ${[...trail.slice(start), file].join(' > ')}`);
    if (start >= 0 || done.has(file)) return;
    for (const { target, typeOnly } of graph.get(file) ?? []) {
      if (target !== undefined && !typeOnly) visit(target, [...trail, file]);
    }
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}

export function parseLayers(json: string): Layer[] {
  const folders = record(record(JSON.parse(json), 'layers.json').folders, 'folders');
  return Object.entries(folders).map(([name, value]) => {
    const entry = record(value, name);
    return {
      name,
      level: Number(entry.level),
      outer: names(entry.outer),
      not: names(entry.not),
      sameLevel: names(entry.sameLevel),
      ...(entry.tower === undefined ? {} : { tower: text(entry.tower, `tower of ${name}`) }),
      ...(entry.seenBy === undefined ? {} : { seenBy: names(entry.seenBy) }),
    };
  });
}

function names(value: unknown): string[] {
  return Array.isArray(value) ? value.map((item) => text(item, 'name of a folder')) : [];
}

if (import.meta.main) {
  const layers = parseLayers(readFileSync(new URL('layers.json', import.meta.url), 'utf8'));
  const files = sourceFiles(/^server\/src\/.*\.ts$/);
  const violations = [...findViolations(files, layers), ...findStaleNames(files, layers)];
  for (const line of violations) console.error(line);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
