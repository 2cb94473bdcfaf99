import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { MemoryFileStore } from '../../../test/support/memory-file-store.ts';
import type { DumpJob } from '../jobs/job.ts';
import { PACKET_DUMP_BYTES_MAX, collectSupportFiles } from './support-packet.ts';

function job(id: string, status: DumpJob['status'], createAt: number): DumpJob {
  const location = status === 'success' ? `dump/${id}/tsdb_dump.tar.gz` : '';
  return { id, status, create_at: createAt, min_t: 0, max_t: 1, dump_location: location };
}

async function collect(jobs: DumpJob[], store = new MemoryFileStore()) {
  const files = await collectSupportFiles({
    clock: new FakeClock(),
    slowest: () => undefined,
    jobs: async () => jobs,
    fileStore: () => store,
    downloadLink: (id) => `https://chat.example.com/download/${id}`,
  });
  return files.map(({ name, bytes }) => ({ name, text: new TextDecoder().decode(bytes) }));
}

describe('the support packet', () => {
  it('gets the newest finished dump under the Go plugin’s name', async () => {
    const store = new MemoryFileStore();
    store.put('dump/b/tsdb_dump.tar.gz', 'newest');
    store.put('dump/a/tsdb_dump.tar.gz', 'older');
    const jobs = [job('a', 'success', 1), job('b', 'success', 2), job('c', 'error', 3)];
    assert.deepEqual(await collect(jobs, store), [{ name: 'tsdb_dump.tar.gz', text: 'newest' }]);
  });

  const cases: [string, DumpJob[], RegExp][] = [
    ['there never was one', [], /no finished metrics dump\. .*\/metrics dump/],
    ['one is being made', [job('a', 'in_progress', 1)], /one is being made/],
    [
      'the newest one failed',
      [{ ...job('a', 'error', 1), error: 'The disk is full.' }],
      /The newest one failed: The disk is full\./,
    ],
    ['its file is gone', [job('a', 'success', 1)], /is gone: dump\/a\//],
  ];
  for (const [what, jobs, text] of cases) {
    it(`says why there is no dump when ${what}`, async () => {
      const [file, ...more] = await collect(jobs);
      assert.equal(more.length, 0);
      assert.equal(file.name, 'metrics_dump_missing.txt');
      assert.match(file.text, text);
    });
  }

  it('names the link instead of a dump that is too large', async () => {
    const store = new MemoryFileStore();
    store.stat = async () => ({ sizeBytes: PACKET_DUMP_BYTES_MAX + 1, modifiedMs: 0 });
    const [file] = await collect([job('a', 'success', 1)], store);
    assert.match(file.text, /too large.*63 MB.*https:\/\/chat\.example\.com\/download\/a/);
  });

  it('says why when jobs or file store cannot be read', async () => {
    const files = await collectSupportFiles({
      clock: new FakeClock(),
      slowest: () => undefined,
      jobs: () => Promise.reject(new Error('database down')),
      fileStore: () => new MemoryFileStore(),
      downloadLink: () => '',
    });
    assert.match(new TextDecoder().decode(files[0].bytes), /database down/);
    for (const verb of ['stat', 'read']) {
      const store = new MemoryFileStore();
      store.put('dump/a/tsdb_dump.tar.gz', 'x');
      store.check = (called) => {
        if (called === verb) throw new Error(`no ${verb}`);
      };
      const [file] = await collect([job('a', 'success', 1)], store);
      assert.match(file.text, new RegExp(`could not be attached: no ${verb}`));
    }
  });
});
