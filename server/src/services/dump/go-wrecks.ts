import { hasCode } from '../../base/errors.ts';
import type { Fs } from '../../base/ports/fs.ts';
import { DUMP_FILE_NAME } from '../../filestore/layout.ts';
import { isUlid } from '../../model/ulid.ts';
import { isJobId } from '../jobs/job.ts';

/** Where the Go plugin builds its dumps, in the server's working directory (server/dump.go). */
const GO_DUMPS_DIR = 'dump';
const GO_DATA_DIR = 'data';
/** What a Prometheus database holds beside its blocks, and what a dump adds. */
const DATABASE_NAMES =
  /^(wal|wbl|chunks_head|chunk_snapshot\..*|lock|queries\.active|metadata\.yaml)$/;
const UNFINISHED_BLOCK = /^([0-9A-Z]{26})\.tmp-for-(creation|deletion)$/;

/**
 * Removes what killed dumps of the Go plugin left in the working directory, which may be as large as
 * the whole store. The folder's name is anybody's, so only `dump/<job id>` with nothing in it but
 * what that plugin puts there goes.
 *
 * @param isRunning whether a Go node works on the job
 * @returns whether nothing was left that is worth another look
 */
export async function removeGoWrecks(
  fs: Fs,
  isRunning: (jobId: string) => Promise<boolean>,
): Promise<boolean> {
  let isDone = true;
  let isOtherThere = false;
  const entries = await listOrNothing(fs, GO_DUMPS_DIR);
  for (const { name, isDirectory } of entries) {
    const dir = `${GO_DUMPS_DIR}/${name}`;
    if (!isDirectory || !isJobId(name) || !(await isWreck(fs, dir))) {
      isOtherThere = true;
    } else if (await isRunning(name)) {
      isDone = false;
    } else {
      await fs.removeTree(dir);
    }
  }
  const isOurs = entries.length > 0 && isDone && !isOtherThere;
  if (isOurs && (await fs.list(GO_DUMPS_DIR)).length === 0) await fs.removeTree(GO_DUMPS_DIR);
  return isDone;
}

async function isWreck(fs: Fs, dir: string): Promise<boolean> {
  for (const { name, isDirectory } of await fs.list(dir)) {
    if (!isDirectory && name === DUMP_FILE_NAME) continue;
    if (!isDirectory || name !== GO_DATA_DIR) return false;
    const inside = await fs.list(`${dir}/${name}`);
    if (!inside.every((entry) => isPartOfDatabase(entry.name))) return false;
  }
  return true;
}

function isPartOfDatabase(name: string): boolean {
  const ulid = UNFINISHED_BLOCK.exec(name)?.[1] ?? name;
  return isUlid(ulid) || DATABASE_NAMES.test(name);
}

async function listOrNothing(fs: Fs, dir: string): Promise<Awaited<ReturnType<Fs['list']>>> {
  try {
    return await fs.list(dir);
  } catch (error) {
    if (hasCode(error, 'ERR_FS_NOT_FOUND')) return [];
    throw error;
  }
}
