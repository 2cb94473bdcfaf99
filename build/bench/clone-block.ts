import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

import { makeUlid } from '../../server/src/model/ulid.ts';
import { formatBlockMeta, parseBlockMeta } from '../../server/src/tsdb/index.ts';

/**
 * Makes a block that says it is `laterMs` later, out of hard links: as many blocks as one likes, for
 * no disk. Only meta.json moves in time, so this is good for opening and for looking up series.
 */
export function cloneBlock(block: string, parentDir: string, laterMs: number): void {
  const path = `${block}/meta.json`;
  const meta = parseBlockMeta(readFileSync(path, 'utf8'), path);
  const ulid = makeUlid(meta.maxTime + laterMs);
  const dir = `${parentDir}/${ulid}`;
  mkdirSync(`${dir}/chunks`, { recursive: true });
  for (const name of ['index', 'tombstones']) linkSync(`${block}/${name}`, `${dir}/${name}`);
  for (const name of readdirSync(`${block}/chunks`)) {
    linkSync(`${block}/chunks/${name}`, `${dir}/chunks/${name}`);
  }
  const moved = {
    ...meta,
    ulid,
    minTime: meta.minTime + laterMs,
    maxTime: meta.maxTime + laterMs,
    compaction: { ...meta.compaction, sources: [ulid] },
  };
  writeFileSync(`${dir}/meta.json`, formatBlockMeta(moved));
}
