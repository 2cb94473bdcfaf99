import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { FakeProcessStats } from '../../test/support/fake-process-stats.ts';
import { MemoryFileStore } from '../../test/support/memory-file-store.ts';
import { CodedError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { DumpJob } from '../services/jobs/job.ts';
import { parseRange } from './byte-ranges.ts';
import { DOWNLOADS_MAX } from './download.ts';
import { makeApi } from './routes.ts';
import type { ClusterOverview } from './status.ts';

const ID = 'aaaaaaaaaaaaaaaaaaaaaaaaaa';
const OTHER = 'bbbbbbbbbbbbbbbbbbbbbbbbbb';
const LOCATION = `plugin-data/mattermost-plugin-metrics/dump/${ID}/tsdb_dump.tar.gz`;
const ADMIN = { 'mattermost-user-id': 'admin' };

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
  json: unknown;
}

const JOB: DumpJob = {
  id: ID,
  status: 'success',
  create_at: 3,
  min_t: 1,
  max_t: 2,
  dump_location: LOCATION,
};

function setUp(job: DumpJob = JOB) {
  const store = new MemoryFileStore();
  store.put(LOCATION, '0123456789');
  const calls: unknown[] = [];
  let cluster: ClusterOverview | undefined;
  const logged: { level: string; fields: unknown }[] = [];
  const log = (level: string) => (_: string, fields?: unknown) => {
    logged.push({ level, fields });
  };
  const logger: Logger = {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
  };
  let failure: Error | undefined;
  let storeFailure: Error | undefined;
  let writeTimeoutSeconds = 300;
  const clock = new FakeClock();
  let slowest: string | undefined;
  /** Resolves when what hangs goes on. */
  let hanging: Promise<void> | undefined;
  let isAuthHanging = false;
  const guarded = async <T>(value: T): Promise<T> => {
    await hanging;
    if (failure !== undefined) throw failure;
    return value;
  };
  const api = makeApi({
    logger,
    clock,
    slowest: () => slowest,
    isAdministrator: async (userId) => {
      if (isAuthHanging) await hanging;
      return userId === 'admin';
    },
    jobs: {
      list: () => guarded([job]),
      get: (id) =>
        guarded(id === ID ? job : id === OTHER ? { ...job, dump_location: '' } : undefined),
      create: async (min, max) => {
        calls.push(['create', min, max]);
        return guarded({ ...job, status: 'pending' as const, dump_location: '' });
      },
      delete: async (id) => {
        calls.push(['delete', id]);
        return guarded(id === ID);
      },
      cancel: async (id) => {
        calls.push(['cancel', id]);
        return guarded(id === ID);
      },
      deleteAll: async () => {
        calls.push(['deleteAll']);
        await guarded(undefined);
      },
    },
    fileStore: () => {
      if (storeFailure !== undefined) throw storeFailure;
      return store;
    },
    writeTimeoutSeconds: () => writeTimeoutSeconds,
    stats: () => guarded({ min_t: 1, max_t: 2, num_samples: 3, num_series: 4 }),
    status: {
      version: '1.2.3',
      state: () => 'running',
      warnings: () => [{ code: 'c', message: 'm', action: 'a' }],
      targets: () => [
        {
          url: 'http://x/metrics',
          job: 'prometheus',
          instance: 'x:8067',
          up: false,
          lastScrapeMs: undefined,
          lastDurationMs: undefined,
          lastError: undefined,
          samples: 0,
          refused: 0,
        },
      ],
      head: () => undefined,
      lastSyncMs: () => undefined,
      lastCopiedMs: () => undefined,
      process: new FakeProcessStats(),
      nowMs: () => 61_000,
      cluster: () => guarded(cluster),
    },
  });

  const ask = async (
    method: string,
    url: string,
    headers: Record<string, string> = ADMIN,
    body: string | Uint8Array[] = '',
    onWrite: () => void | Promise<void> = () => {},
  ): Promise<Answer> => {
    const answer: Answer = { status: 0, headers: {}, body: '', json: undefined };
    const pieces = typeof body === 'string' ? [new TextEncoder().encode(body)] : [...body];
    await api.serve(
      {
        method,
        url,
        header: { get: (name) => headers[name.toLowerCase()] },
        body: { read: async () => pieces.shift() },
      },
      {
        header: { set: (name, value) => void (answer.headers[name] = value) },
        takeOver: async () => {
          assert.equal(answer.status, 0, 'the head was sent before');
          calls.push(['takeOver']);
          return true;
        },
        writeHead: async (status) => {
          assert.equal(answer.status, 0, 'the head was sent twice');
          answer.status = status;
        },
        write: async (bytes) => {
          assert.notEqual(answer.status, 0, 'the body came before the head');
          await onWrite();
          answer.body += new TextDecoder().decode(bytes);
        },
      },
    );
    if (answer.headers['Content-Type'] === 'application/json' && answer.body !== '')
      answer.json = JSON.parse(answer.body);
    return answer;
  };
  return {
    ask,
    calls,
    inCluster: (overview: ClusterOverview) => (cluster = overview),
    logged,
    store,
    fail: (error: Error | undefined) => (failure = error),
    failStore: (error: Error) => (storeFailure = error),
    clock,
    blame: (who: string) => (slowest = who),
    /** The result lets it go on. */
    hang: (isAuth: boolean): (() => void) => {
      let goOn = (): void => {};
      hanging = new Promise((resolve) => (goOn = resolve));
      isAuthHanging = isAuth;
      return goOn;
    },
    limitWrites: (seconds: number) => (writeTimeoutSeconds = seconds),
  };
}

describe('the HTTP API', () => {
  const routes: [string, string][] = [
    ['GET', '/tsdb/stats'],
    ['GET', '/jobs'],
    ['POST', '/jobs/create'],
    ['DELETE', `/jobs/delete/${ID}`],
    ['DELETE', '/jobs/deleteAll'],
    ['POST', `/jobs/cancel/${ID}`],
    ['GET', `/jobs/download/${ID}`],
    ['GET', '/status'],
    ['GET', '/unknown'],
  ];
  for (const [method, url] of routes) {
    it(`keeps strangers out of ${method} ${url}: 401 without a user, 403 without the right`, async () => {
      const { ask, calls } = setUp();
      assert.equal((await ask(method, url, {})).status, 401);
      const answer = await ask(method, url, { 'mattermost-user-id': 'somebody' });
      assert.equal(answer.status, 403);
      assert.deepEqual(answer.json, {
        id: 'ERR_FORBIDDEN',
        message: 'Only system administrators may do this.',
        status_code: 403,
      });
      assert.deepEqual(calls, []);
    });
  }

  for (const [method, url] of routes.filter(([, path]) => path !== '/unknown')) {
    for (const isAuth of [false, true]) {
      const what = isAuth ? 'the permission' : 'what it needs';
      it(`${method} ${url} says within 5 s that ${what} is not answered, and nothing more later`, async () => {
        const { ask, clock, blame, hang } = setUp();
        const goOn = hang(isAuth);
        blame('the database');
        const body = method === 'POST' ? '{"min_t":5,"max_t":6}' : '';
        let answer: Answer | undefined;
        void ask(method, url, ADMIN, body).then((found) => (answer = found));
        await clock.advance(5_000);
        assert.ok(answer !== undefined, 'no answer came');
        const { status, json, headers } = answer;
        assert.deepEqual(
          [status, json],
          [
            503,
            {
              id: 'ERR_NO_ANSWER',
              message: 'The database does not answer. What was asked for may still happen.',
              status_code: 503,
            },
          ],
        );
        const kept = { ...headers };
        goOn();
        await clock.advance(60_000);
        assert.deepEqual(headers, kept);
      });
    }
  }

  it('answers with the list of dumps as it was, and its age, when nobody answers', async () => {
    const { ask, clock, hang } = setUp();
    const { json, headers } = await ask('GET', '/jobs');
    assert.equal(headers.Age, undefined);
    const goOn = hang(false);
    const asked = ask('GET', '/jobs');
    await settle();
    await clock.advance(3_000);
    const answer = await asked;
    assert.deepEqual([answer.status, answer.json, answer.headers.Age], [200, json, '3']);
    goOn();
    await clock.advance(1);
    assert.equal((await ask('GET', '/jobs')).headers.Age, undefined);
  });

  it('a download whose first bytes do not come is 503, and its late bytes go nowhere', async () => {
    const { ask, clock, store, blame } = setUp();
    blame('the file store');
    let goOn = (): void => {};
    let ended = 0;
    store.read = async function* () {
      try {
        await new Promise<void>((resolve) => (goOn = resolve));
        yield new TextEncoder().encode('late');
      } finally {
        ended++;
      }
    };
    const asked = ask('GET', `/jobs/download/${ID}`);
    await clock.advance(5_000);
    const answer = await asked;
    assert.deepEqual([answer.status, answer.headers['Content-Disposition']], [503, undefined]);
    assert.match(answer.body, /The file store does not answer/);
    goOn();
    await clock.advance(1);
    assert.ok(!answer.body.includes('late'));
    assert.equal(ended, 1, 'the file is closed');
  });

  it('answers with the Go plugin’s JSON', async () => {
    const { ask } = setUp();
    const job = {
      id: ID,
      status: 'success',
      create_at: 3,
      min_t: 1,
      max_t: 2,
      dump_location: LOCATION,
    };
    assert.deepEqual((await ask('GET', '/jobs')).json, [job]);
    assert.equal(
      (await ask('GET', '/tsdb/stats?x=1')).body,
      '{"min_t":1,"max_t":2,"num_samples":3,"num_series":4}',
    );
    const created = await ask('POST', '/jobs/create', ADMIN, '{"min_t":5,"max_t":6}');
    assert.equal(created.status, 200);
    assert.deepEqual(created.json, { ...job, status: 'pending', dump_location: '' });
    const deleted = await ask('DELETE', `/jobs/delete/${ID}`);
    assert.deepEqual([deleted.status, deleted.body], [200, '']);
    assert.equal((await ask('DELETE', '/jobs/deleteAll')).status, 200);
  });

  it('tells how the plugin is doing', async () => {
    const { json } = await setUp().ask('GET', '/status');
    assert.deepEqual(json, {
      version: '1.2.3',
      warnings: [{ code: 'c', message: 'm', action: 'a' }],
      scraper: { state: 'running' },
      sync: { last_success_ms: 0, last_copied_ms: 0 },
      process: { rss_bytes: 100_000_000, event_loop_delay_p999_ms: 2.5, uptime_ms: 60_000 },
      targets: [
        {
          url: 'http://x/metrics',
          job: 'prometheus',
          instance: 'x:8067',
          up: false,
          last_scrape_ms: 0,
          last_duration_ms: 0,
          last_error: '',
          samples: 0,
          refused: 0,
        },
      ],
    });
  });

  it('tells of a cluster what the node that scrapes has reported', async () => {
    const { ask, inCluster } = setUp();
    const reported = {
      instance: 'a',
      node: 'app1',
      version: '1.2.3',
      role: 'scraper',
      sinceMs: 10,
      lastSyncMs: 20,
      lastCopiedMs: 19,
      reportedMs: 30,
      targets: [],
      head: { seriesCount: 1, sampleCount: 2, minTimeMs: 3, maxTimeMs: 4 },
      warnings: [
        { code: 'c', message: 'the same kind as ours' },
        { code: 'd', message: 'the disk is full' },
      ],
    };
    const scraper = { node: 'app1', sinceMs: 10 };
    const standing = {
      ...reported,
      instance: 'c',
      node: 'app3',
      role: 'waiting',
      warnings: [
        { code: 'scrapes_not_stored', message: 'the disk hangs' },
        { code: 'exporter_down', message: 'not its part' },
      ],
    };
    inCluster({ instance: 'b', node: 'app2', scraper, instances: [reported, standing], reported });
    const { json } = await ask('GET', '/status');
    const { process: _, ...status } = json as Record<string, unknown>;
    assert.deepEqual(status, {
      version: '1.2.3',
      warnings: [
        { code: 'c', message: 'm', action: 'a' },
        { code: 'd', message: 'the disk is full' },
        { code: 'scrapes_not_stored', message: 'app3: the disk hangs' },
      ],
      scraper: { state: 'running' },
      sync: { last_success_ms: 20, last_copied_ms: 19 },
      cluster: {
        id: 'b',
        node: 'app2',
        scraper: { node: 'app1', since_ms: 10 },
        instances: [
          {
            id: 'a',
            node: 'app1',
            role: 'scraper',
            version: '1.2.3',
            since_ms: 10,
            reported_ms: 30,
          },
          {
            id: 'c',
            node: 'app3',
            role: 'waiting',
            version: '1.2.3',
            since_ms: 10,
            reported_ms: 30,
          },
        ],
      },
      targets: [],
      head: { series: 1, samples: 2, min_t: 3, max_t: 4 },
    });
  });

  const refused: [string, string, number, string?][] = [
    ['GET', '/', 404],
    ['GET', '', 404],
    ['GET', '/jobs/', 404],
    ['GET', '/jobs/delete/', 404],
    ['GET', `/jobs/download/${ID}/x`, 404],
    ['GET', '/../jobs', 404],
    ['POST', '/jobs', 405],
    ['HEAD', '/jobs', 405],
    ['GET', '/jobs/create', 405],
    ['GET', `/jobs/delete/${ID}`, 405],
    ['DELETE', '/jobs/delete/short', 400],
    ['DELETE', `/jobs/delete/${OTHER}`, 404],
    ['GET', '/jobs/download/..', 400],
    ['GET', `/jobs/download/${OTHER}`, 404],
    ['GET', `/jobs/download/${'c'.repeat(26)}`, 404],
    ['POST', '/jobs/create', 400, ''],
    ['POST', '/jobs/create', 400, '{'],
    ['POST', '/jobs/create', 400, '[]'],
    ['POST', '/jobs/create', 400, 'null'],
    ['POST', '/jobs/create', 400, '{"min_t":1}'],
    ['POST', '/jobs/create', 400, '{"min_t":"1","max_t":2}'],
    ['POST', '/jobs/create', 400, '{"min_t":1,"max_t":2,"format":"rar"}'],
    ['POST', '/jobs/cancel/short', 400],
    ['POST', `/jobs/cancel/${'c'.repeat(26)}`, 404],
    ['POST', '/jobs/create', 400, '\ufffe\ud800'],
    ['POST', '/jobs/create', 413, ' '.repeat(20_000)],
  ];
  for (const [method, url, status, body] of refused) {
    const sent = body === undefined ? '' : ` with ${JSON.stringify(body.slice(0, 30))}`;
    it(`answers ${method} ${url || '(nothing)'}${sent} by ${status}`, async () => {
      const { ask, calls } = setUp();
      const answer = await ask(method, url, ADMIN, body);
      assert.equal(answer.status, status, answer.body);
      assert.ok(
        calls.every((call) => Array.isArray(call) && /^(delete|cancel)$/.test(String(call[0]))),
      );
    });
  }

  it('stops reading a body that never ends', async () => {
    const { ask } = setUp();
    const endless = Array.from({ length: 1000 }, () => new Uint8Array(1024).fill(32));
    assert.equal((await ask('POST', '/jobs/create', ADMIN, endless)).status, 413);
  });

  it('logs a failure with its cause and answers with a sentence that gives nothing away', async () => {
    const { ask, fail, logged } = setUp();
    const secret = new Error('password=hunter2');
    fail(secret);
    const answer = await ask('GET', '/jobs');
    assert.equal(answer.status, 500);
    assert.ok(!answer.body.includes('hunter2'));
    const fields = { request: 'GET /jobs', status: 500, error: secret };
    assert.deepEqual(logged, [{ level: 'error', fields }]);
    fail(new CodedError('ERR_JOBS_CORRUPT', 'the stored list of dump jobs is not JSON'));
    assert.match((await ask('GET', '/jobs')).body, /The stored list of dump jobs is not JSON\./);
    fail(new CodedError('ERR_JOB_RANGE', 'min_t after max_t'));
    const created = await ask('POST', '/jobs/create', ADMIN, '{"min_t":5,"max_t":1}');
    assert.equal(created.status, 400);
  });

  it('fails nowhere when the error cannot be sent either', async () => {
    const { ask, fail, logged } = setUp();
    const broken = (): never => {
      throw new Error('the connection is gone');
    };
    const failure = new Error('database down');
    fail(failure);
    await ask('GET', '/jobs', ADMIN, '', broken);
    assert.deepEqual(logged[0], {
      level: 'error',
      fields: { request: 'GET /jobs', status: 500, error: failure },
    });
    await ask('GET', '/jobs', {}, '', broken);
  });
});

describe('a download', () => {
  const url = `/jobs/download/${ID}`;

  it('is a named attachment with its length', async () => {
    const answer = await setUp().ask('GET', url);
    assert.equal(answer.status, 200);
    assert.equal(answer.body, '0123456789');
    assert.equal(answer.headers['Content-Type'], 'application/gzip');
    assert.equal(answer.headers['Content-Length'], '10');
    assert.equal(answer.headers['Content-Disposition'], 'attachment; filename="tsdb_dump.tar.gz"');
    assert.equal(answer.headers['ETag'], `"${ID}-10"`);
  });

  it('that may last longer than the server lets an answer takes the connection over', async () => {
    const { ask, calls, limitWrites, store } = setUp();
    store.put(JOB.dump_location, new Uint8Array(3 * 1024 * 1024));
    await ask('GET', url);
    assert.deepEqual(calls, [], 'there is time enough');
    limitWrites(10);
    await ask('GET', url);
    assert.deepEqual(calls, [['takeOver']]);
    await ask('GET', url, { ...ADMIN, range: 'bytes=2000000-' });
    assert.deepEqual(calls, [['takeOver']], 'what is left is short');
    limitWrites(0);
    await ask('GET', url);
    assert.deepEqual(calls, [['takeOver'], ['takeOver']], 'nothing else ends a client that stalls');
  });

  it('is refused while as many run as there may be, and the next one is not', async () => {
    const { ask, logged } = setUp();
    let goOn: () => void = () => {};
    const stalled = new Promise<void>((resolve) => (goOn = resolve));
    const running = Array.from({ length: DOWNLOADS_MAX }, () =>
      ask('GET', url, ADMIN, '', () => stalled),
    );
    await new Promise((resolve) => setImmediate(resolve));
    const refused = await ask('GET', url);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers['Retry-After'], '30');
    assert.match(refused.body, /"id":"ERR_DOWNLOADS_BUSY".*16 downloads are running/);
    assert.deepEqual(logged, []);
    goOn();
    for (const answer of await Promise.all(running)) assert.equal(answer.body, '0123456789');
    assert.equal((await ask('GET', url)).status, 200);
  });

  it('of a zip is called one', async () => {
    const { ask, store } = setUp({ ...JOB, dump_location: 'dump/tsdb_dump.zip' });
    store.put('dump/tsdb_dump.zip', 'zip');
    const { headers } = await ask('GET', url);
    assert.equal(headers['Content-Type'], 'application/zip');
    assert.equal(headers['Content-Disposition'], 'attachment; filename="tsdb_dump.zip"');
  });

  const ranges: [string, number, string, string | undefined][] = [
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=0-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=0-1,4-5', 200, '0123456789', undefined],
    ['bytes=5-2', 200, '0123456789', undefined],
    ['bytes=x', 200, '0123456789', undefined],
    ['lines=1-2', 200, '0123456789', undefined],
  ];
  for (const [range, status, body, contentRange] of ranges) {
    it(`answers Range: ${range} by ${status}`, async () => {
      const answer = await setUp().ask('GET', url, { ...ADMIN, range });
      assert.deepEqual([answer.status, answer.body], [status, body]);
      assert.equal(answer.headers['Content-Range'], contentRange);
      assert.equal(answer.headers['Content-Length'], String(body.length));
    });
  }

  it('goes on only in the same file', async () => {
    const { ask } = setUp();
    const same = { ...ADMIN, range: 'bytes=8-', 'if-range': `"${ID}-10"` };
    assert.equal((await ask('GET', url, same)).body, '89');
    const other = { ...ADMIN, range: 'bytes=8-', 'if-range': `"${ID}-11"` };
    assert.equal((await ask('GET', url, other)).body, '0123456789');
  });

  it('of a missing file is 404, without a file store 503', async () => {
    const { ask, store, failStore } = setUp();
    store.files.clear();
    assert.equal((await ask('GET', url)).status, 404);
    failStore(new CodedError('ERR_FILESTORE_DRIVER', 'no driver'));
    assert.equal((await ask('GET', url)).status, 503);
  });

  it('stops reading when the client goes away', async () => {
    const { ask, store, logged } = setUp();
    store.put(LOCATION, new Uint8Array(10_000_000));
    let writes = 0;
    await ask('GET', url, ADMIN, '', () => {
      if (++writes === 3) throw new Error('the client went away');
    });
    assert.equal(writes, 3);
    assert.equal(logged.at(-1)?.level, 'debug');
  });

  it('never asks for bytes outside the file', () => {
    for (let size = 0; size < 5; size++) {
      for (const a of ['', '0', '1', '4', '5', '999999999999999']) {
        for (const b of ['', '0', '1', '4', '5', '999999999999999']) {
          const range = parseRange(`bytes=${a}-${b}`, size);
          if (typeof range === 'string') continue;
          assert.ok(range.start >= 0 && range.start < range.end && range.end <= size);
        }
      }
    }
  });
});
