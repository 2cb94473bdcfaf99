import { hasCode } from '../../base/errors.ts';
import { type Fs, renameDurably } from '../../base/ports/fs.ts';
import { listHeadChunkFiles } from './head-chunks.ts';

// A file of `chunks_head` that was cut between two chunks looks whole. So we note how long those are that
// we have written; Prometheus passes over what has no number for a name.

const FILE = 'sizes.json';

/** Bytes of each file, by its name. */
export type HeadChunkSizes = ReadonlyMap<string, number>;

/** Notes the files in `dir` but those that are `leaving`; without any, nothing is left. */
export async function writeHeadChunkSizes(
  fs: Fs,
  dir: string,
  leaving: ReadonlySet<string> = new Set(),
): Promise<void> {
  const sizes: Record<string, number> = {};
  for (const path of await listHeadChunkFiles(fs, dir)) {
    if (!leaving.has(path)) sizes[nameOf(path)] = (await fs.stat(path))?.sizeBytes ?? 0;
  }
  if (Object.keys(sizes).length === 0) return fs.remove(`${dir}/${FILE}`);
  const temporary = `${dir}/${FILE}.tmp`;
  const file = await fs.open(temporary, 'create');
  try {
    const text = `${JSON.stringify({ version: 1, sizes })}\n`;
    await file.write(new TextEncoder().encode(text));
    await file.sync();
  } finally {
    await file.close();
  }
  await renameDurably(fs, temporary, `${dir}/${FILE}`);
}

/** Empty when there is no note; undefined when it is damaged. */
export async function readHeadChunkSizes(fs: Fs, dir: string): Promise<HeadChunkSizes | undefined> {
  let text: string;
  try {
    text = new TextDecoder().decode(await fs.readFile(`${dir}/${FILE}`));
  } catch (error) {
    if (hasCode(error, 'ERR_FS_NOT_FOUND')) return new Map();
    throw error;
  }
  try {
    const raw: unknown = JSON.parse(text);
    const sizes = typeof raw === 'object' && raw !== null && 'sizes' in raw ? raw.sizes : undefined;
    if (typeof sizes !== 'object' || sizes === null) return undefined;
    return new Map(Object.entries(sizes));
  } catch {
    return undefined;
  }
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
