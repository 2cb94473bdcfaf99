import { listTree } from '../../filestore/file-store.ts';
import type { FileStore } from '../../filestore/file-store.ts';
import { STORE_DUMPS_DIR, dumpDirOf, dumpHeadDirOf } from '../../filestore/layout.ts';
import type { DumpJob } from '../jobs/job.ts';

/** What came too late for a dump lies beside it; a running one uses it for minutes at most. */
const HEAD_AGE_MS = 60 * 60 * 1000;
/** A job may be too new for the replica that the list of jobs came from. */
const DUMP_AGE_MS = 24 * 60 * 60 * 1000;

/** Removes dumps that no job is about, or a failed one, and blocks that were made for a finished one. */
export async function removeOrphanedDumps(
  store: FileStore,
  jobs: readonly DumpJob[],
  nowMs: number,
): Promise<void> {
  const known = new Map(jobs.map((job) => [job.id, job]));
  for (const { name, isDirectory } of await store.list(STORE_DUMPS_DIR)) {
    if (!isDirectory) continue;
    const status = known.get(name)?.status;
    if (status === 'pending' || status === 'in_progress') continue;
    const isFinished = status === 'success';
    const dir = isFinished ? dumpHeadDirOf(name) : dumpDirOf(name);
    const ageMs = status === undefined ? DUMP_AGE_MS : HEAD_AGE_MS;
    const files = await listTree(store, dir);
    // A disk keeps the empty folder of a run that was killed; the head's is not there as a rule.
    const isEmpty = files.length === 0;
    const newestMs = Math.max(...files.map((file) => file.modifiedMs));
    if (isEmpty ? !isFinished : nowMs - newestMs > ageMs) await store.removeTree(dir);
  }
}
