import { rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { rootDir } from './manifest.ts';
import { run } from './run.ts';

/**
 * Packs `folder`, under its own name, as a tar.gz: directories and regular files alone, owned by nobody
 * in particular, in a fixed order, with one mode and one time, so that two builds of one source are the
 * same bytes. Nothing half-written is left.
 *
 * @param timeSeconds of all files, Unix seconds
 */
export async function packFolder(
  folder: string,
  target: string,
  timeSeconds: number,
): Promise<void> {
  const temporary = `${target}.${process.pid}.tmp`;
  const tar = ['--format=ustar', '--sort=name', '--owner=0', '--group=0', '--numeric-owner'];
  const mode = ['--mode=u+rwX,go+rX,go-w', `--mtime=@${timeSeconds}`];
  const program = ['--use-compress-program=gzip -9n'];
  const source = ['-C', path.dirname(folder), path.basename(folder)];
  try {
    await run('tar', [...tar, ...mode, ...program, '-cf', temporary, ...source]);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * The time of all files in a bundle, Unix seconds: SOURCE_DATE_EPOCH where it is set
 * (https://reproducible-builds.org/specs/source-date-epoch/), else that of the last commit. An archive
 * of the sources without their history has none; its files are of 1980, the first year of a zip.
 */
export async function sourceDate(): Promise<number> {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined && !/^\d{1,11}$/.test(given)) {
    throw new Error(`SOURCE_DATE_EPOCH: Unix seconds expected, found ${JSON.stringify(given)}`);
  }
  const commit = ['log', '-1', '--format=%ct'];
  const found = given ?? (await run('git', commit, { cwd: rootDir }).catch(() => '315532800'));
  return Number(found);
}
