import type { Clock } from '../base/clock.ts';
import type { ArchiveFormat } from '../base/ports/archive.ts';
import type { LastKnown } from '../services/health/last-known.ts';
import type { DumpJob } from '../services/jobs/job.ts';
import { isJobId } from '../services/jobs/job.ts';
import { HttpError, readJsonBody, sendEmpty, sendJson } from './reply.ts';
import type { Handler } from './types.ts';

/** The job service as the routes need it. */
export interface Jobs {
  list(): Promise<readonly DumpJob[]>;
  get(id: string): Promise<DumpJob | undefined>;
  create(minTimeMs: number, maxTimeMs: number, format?: ArchiveFormat): Promise<DumpJob>;
  cancel(id: string): Promise<boolean>;
  delete(id: string): Promise<boolean>;
  deleteAll(): Promise<void>;
}

/** Two numbers fit many times. */
const CREATE_BODY_BYTES_MAX = 16 * 1024;

/** A person waits for the list. */
const LIST_WAIT_MS = 3_000;

/**
 * `GET /jobs`: all jobs, newest first. When the database does not answer, they are as they were last
 * known, and the header `Age` (RFC 9111 section 5.1) says how many seconds ago that was.
 */
export function listJobsHandler(jobs: LastKnown<readonly DumpJob[]>, clock: Clock): Handler {
  return async ({ response }) => {
    const { value, asOfMs, isOld } = await jobs.get(LIST_WAIT_MS);
    const ageSeconds = Math.max(0, Math.round((clock.nowMs() - asOfMs) / 1000));
    if (isOld) response.header.set('Age', String(ageSeconds));
    await sendJson(response, value);
  };
}

/** `POST /jobs/create` with `{min_t, max_t, format?}`, times in Unix milliseconds: the new job. */
export function createJobHandler(jobs: Jobs): Handler {
  return async ({ request, response }) => {
    const body = await readJsonBody(request, CREATE_BODY_BYTES_MAX);
    const { min_t: minTimeMs, max_t: maxTimeMs, format = 'tar.gz' } = body;
    if (typeof minTimeMs !== 'number' || typeof maxTimeMs !== 'number') {
      throw new HttpError(400, 'ERR_JOB_RANGE', 'min_t and max_t must be numbers.');
    }
    if (format !== 'tar.gz' && format !== 'zip') {
      throw new HttpError(400, 'ERR_JOB_FORMAT', 'format must be "tar.gz" or "zip".');
    }
    await sendJson(response, await jobs.create(minTimeMs, maxTimeMs, format));
  };
}

/** `POST /jobs/cancel/{id}`: a job that is not finished stays in the list, as cancelled. */
export function cancelJobHandler(jobs: Jobs): Handler {
  return async ({ response, params }) => {
    if (!isJobId(params.id)) throw new HttpError(400, 'ERR_JOB_ID', 'This is not the id of a job.');
    if (!(await jobs.cancel(params.id))) {
      throw new HttpError(404, 'ERR_JOB_UNKNOWN', 'There is no such job, or it is finished.');
    }
    await sendEmpty(response);
  };
}

/** `DELETE /jobs/delete/{id}`. */
export function deleteJobHandler(jobs: Jobs): Handler {
  return async ({ response, params }) => {
    if (!isJobId(params.id)) throw new HttpError(400, 'ERR_JOB_ID', 'This is not the id of a job.');
    if (!(await jobs.delete(params.id))) {
      throw new HttpError(404, 'ERR_JOB_UNKNOWN', 'There is no such job.');
    }
    await sendEmpty(response);
  };
}

/** `DELETE /jobs/deleteAll`. */
export function deleteAllJobsHandler(jobs: Jobs): Handler {
  return async ({ response }) => {
    await jobs.deleteAll();
    await sendEmpty(response);
  };
}
