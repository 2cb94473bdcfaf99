import { LastKnown } from '../services/health/last-known.ts';
import type { StoreStats } from '../services/stats/stats.ts';
import { downloadHandler } from './download.ts';
import type { DownloadOptions } from './download.ts';
import {
  cancelJobHandler,
  createJobHandler,
  deleteAllJobsHandler,
  deleteJobHandler,
  listJobsHandler,
} from './jobs.ts';
import type { Jobs } from './jobs.ts';
import { sendJson } from './reply.ts';
import { Router } from './router.ts';
import type { RouterOptions } from './router.ts';
import { statusHandler } from './status.ts';
import type { StatusSource } from './status.ts';

export interface ApiOptions extends RouterOptions {
  readonly jobs: Jobs;
  readonly fileStore: DownloadOptions['fileStore'];
  readonly writeTimeoutSeconds: DownloadOptions['writeTimeoutSeconds'];
  readonly stats: () => Promise<StoreStats>;
  readonly status: StatusSource;
}

/** All routes: those of the Go plugin with the same JSON, `POST /jobs/cancel` and `GET /status`. */
export function makeApi(options: ApiOptions): Router {
  const { clock, jobs, fileStore, writeTimeoutSeconds, stats, status } = options;
  const list = new LastKnown(clock, () => jobs.list());
  const download = { getJob: (id: string) => jobs.get(id), fileStore, writeTimeoutSeconds };
  const sharedStats = shared(stats);
  return new Router(options)
    .add('GET', '/tsdb/stats', async ({ response }) => sendJson(response, await sharedStats()))
    .add('GET', '/jobs', listJobsHandler(list, clock))
    .add('POST', '/jobs/create', createJobHandler(jobs))
    .add('POST', '/jobs/cancel/{id}', cancelJobHandler(jobs))
    .add('DELETE', '/jobs/delete/{id}', deleteJobHandler(jobs))
    .add('DELETE', '/jobs/deleteAll', deleteAllJobsHandler(jobs))
    .add('GET', '/jobs/download/{id}', downloadHandler(download))
    .add('GET', '/status', statusHandler(status));
}

/** Callers that come while the work is under way get its result, and cost nothing more. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work().finally(() => (running = undefined));
    return running;
  };
}
