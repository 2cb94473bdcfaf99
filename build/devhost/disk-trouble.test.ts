// What the kernel does to a process must be what the cluster's tests think it does.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import path from 'node:path';

import { temporaryDir } from '../support/temporary.ts';
import { DiskTrouble } from './disk-trouble.ts';
import { skipWithoutStrace } from './test-support.ts';

/** Writes a file again and again, and says of each time how it went. */
const PROGRAM = `
  import { open } from 'node:fs/promises';
  const file = await open(process.argv[1], 'w');
  for (;;) {
    const startMs = performance.now();
    try {
      await file.write(Buffer.alloc(100), 0, 100, 0);
      await file.datasync();
      console.log(performance.now() - startMs >= 200 ? 'slow' : 'well');
    } catch (error) {
      console.log(error.code);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
`;

test(
  'a disk is slow, full and well again for a process that runs',
  { skip: skipWithoutStrace },
  async () => {
    const file = path.join(temporaryDir('disk-trouble'), 'file');
    const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, file]);
    const disk = new DiskTrouble();
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      /** What the process says once it has got to know of a change. */
      const next = async (wanted: string): Promise<string> => {
        for (let i = 0; ; i++) {
          const said = String((await lines.next()).value);
          if (said === wanted || i === 200) return said;
        }
      };
      assert.equal(await next('well'), 'well');
      await disk.begin(child.pid ?? 0, 'slow');
      assert.equal(await next('slow'), 'slow');
      await disk.begin(child.pid ?? 0, 'full');
      assert.equal(await next('ENOSPC'), 'ENOSPC');
      await disk.end();
      assert.equal(await next('well'), 'well');
      assert.equal(child.exitCode, null);
    } finally {
      await disk.end();
      child.kill('SIGKILL');
    }
  },
);
