/** The executable with arguments is the command-line tool; without, it stays a plugin. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { diskFs } from '../../../server/src/platform/disk-fs.ts';
import { makeBlock, testUlid } from '../../../server/test/support/make-block.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { builtBundle } from '../bundle-folder.ts';

const HOUR_MS = 60 * 60 * 1000;

describe('the executable as a tool', () => {
  const store = join(temporaryDir('tool'), 'store');
  const { pluginDir, pluginId } = builtBundle();
  const dist = join(pluginDir, pluginId, 'server', 'dist');
  const executable = join(dist, readdirSync(dist).find((name) => name.startsWith('plugin-')) ?? '');

  const run = (args: string[], env = {}): { status: number | null; stdout: string } => {
    const { status, stdout, stderr } = spawnSync(executable, args, {
      env: { ...process.env, ...env },
    });
    return { status, stdout: stdout.toString() + stderr.toString() };
  };

  before(async () => {
    mkdirSync(store);
    for (let i = 0; i < 4; i++) {
      const samples: [number, number][] = [[i * 2 * HOUR_MS, i]];
      const range = [i * 2 * HOUR_MS, (i + 1) * 2 * HOUR_MS] as const;
      await makeBlock(diskFs, store, testUlid(i), range, [{ labels: { __name__: 'a' }, samples }]);
    }
  });

  test('lists and dumps', () => {
    assert.match(run(['tsdb', 'list', store]).stdout, new RegExp(`${testUlid(0)} .*\n`));
    const lines = [0, 1, 2, 3].map((i) => `{__name__="a"} ${i} ${i * 2 * HOUR_MS}\n`);
    assert.deepEqual(run(['tsdb', 'dump', store]), { status: 0, stdout: lines.join('') });
  });

  test('merges in a worker thread', () => {
    const before = run(['tsdb', 'dump', store]);
    const { status, stdout } = run(['tsdb', 'merge', store]);
    assert.match(stdout, /^\w{26} \w{26} \w{26} -> \w{26}\n$/);
    assert.equal(status, 0);
    assert.deepEqual(run(['tsdb', 'dump', store]), before);
  });

  test('stays a plugin without arguments, and when a host starts it', () => {
    assert.match(run([]).stdout, /is a plugin/);
    const hosted = run(['tsdb', 'list', store], { MATTERMOST_PLUGIN: 'x' });
    assert.match(hosted.stdout, /is a plugin/);
  });
});
