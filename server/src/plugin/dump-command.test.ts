import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import type { DumpJob } from '../services/jobs/job.ts';
import { runMetricsCommand } from './dump-command.ts';
import type { EphemeralPost } from './host.ts';

const ID = 'aaaaaaaaaaaaaaaaaaaaaaaaaa';

function setUp(...outcomes: Partial<DumpJob>[]) {
  const posts: EphemeralPost[] = [];
  const created: [number, number][] = [];
  const clock = new FakeClock(Date.UTC(2026, 1, 10, 12));
  const job = (outcome: Partial<DumpJob>): DumpJob => ({
    id: ID,
    status: 'pending',
    create_at: 0,
    min_t: Date.UTC(2026, 1, 9),
    max_t: Date.UTC(2026, 1, 10),
    dump_location: '',
    ...outcome,
  });
  let broken = '';
  const use = (part: string): void => {
    if (part === broken) throw new Error(`no ${part}`);
  };
  const run = (text: string, userId = 'admin'): Promise<string> =>
    runMetricsCommand(
      { userId, channelId: 'channel', rootId: 'thread', text },
      {
        slowest: () => 'the file store',
        host: {
          isAdministrator: async (id) => {
            use('isAdministrator');
            return id === 'admin';
          },
          sendEphemeral: async (post) => {
            use('sendEphemeral');
            posts.push(post);
          },
        },
        jobs: {
          create: async (min, max) => {
            use('create');
            created.push([min, max]);
            return job({});
          },
          whenFinished: async () => {
            use('whenFinished');
            return job(outcomes.shift() ?? {});
          },
        },
        status: async () => {
          use('status');
          return 'All is well.';
        },
        downloadLink: (id) => `/plugins/x/jobs/download/${id}`,
        clock,
        logger: silentLogger,
      },
    );
  return { run, posts, created, clock, breakPart: (part: string) => (broken = part) };
}

describe('/metrics', () => {
  it('is for system administrators only', async () => {
    const { run, created } = setUp();
    assert.match(await run('/metrics dump', 'somebody'), /Only system administrators/);
    assert.deepEqual(created, []);
  });

  it('dump answers with the link when the dump is quick', async () => {
    const { run, created, clock, posts } = setUp({ status: 'success', size_bytes: 1_234_567 });
    const answer = await run('/metrics   dump 2h ');
    assert.equal(
      answer,
      `The dump is ready: [Download dump (1.2 MB)](/plugins/x/jobs/download/${ID}), ` +
        '2026-02-09 00:00 to 2026-02-10 00:00 UTC.',
    );
    assert.deepEqual(created, [[clock.nowMs() - 7_200_000, clock.nowMs()]]);
    assert.deepEqual(posts, []);
  });

  it('dump answers at once and posts the link later when it takes time', async () => {
    const { run, posts } = setUp({ status: 'in_progress' }, { status: 'success', error: 'Note.' });
    assert.match(await run('/metrics dump'), /is being made/);
    await settle();
    assert.equal(posts.length, 1);
    assert.deepEqual(
      [posts[0].userId, posts[0].channelId, posts[0].rootId],
      ['admin', 'channel', 'thread'],
    );
    assert.match(posts[0].message, /\[Download dump .*\nNote\.$/s);
  });

  it('dump gives the reason of a failure', async () => {
    const { run } = setUp({ status: 'error', error: 'The disk is full.' });
    assert.equal(await run('/metrics dump'), 'The dump failed: The disk is full.');
  });

  it('dump shows the words of others as they are', async () => {
    const { run } = setUp({ status: 'error', error: 'No @all\n![x](http://evil/)' });
    assert.equal(await run('/metrics dump'), 'The dump failed: `No @all ![x](http://evil/)`');
  });

  it('status tells how it goes', async () => {
    const { run } = setUp();
    assert.equal(await run('/metrics status'), 'All is well.');
    assert.match(await run('/metrics status', 'somebody'), /Only system administrators/);
  });

  it('answers with the reason when something fails on the way', async () => {
    const failures: [string, string, RegExp][] = [
      ['isAdministrator', '/metrics', /no isAdministrator/],
      ['isAdministrator', '/metrics dump', /no isAdministrator/],
      ['create', '/metrics dump', /no create/],
      ['status', '/metrics status', /no status/],
      // The job is there, and tells the reason itself.
      ['whenFinished', '/metrics dump', /is being made/],
      ['sendEphemeral', '/metrics dump', /is being made/],
    ];
    for (const [part, text, answer] of failures) {
      const { run, breakPart } = setUp({ status: 'in_progress' }, { status: 'success' });
      breakPart(part);
      assert.match(await run(text), answer);
      await settle();
    }
  });

  it('explains itself for anything else', async () => {
    const { run, created } = setUp();
    for (const text of ['/metrics', '/metrics help', '/metrics dump yesterday']) {
      assert.match(await run(text), /Usage: `\/metrics dump`/);
    }
    assert.deepEqual(created, []);
  });
});
