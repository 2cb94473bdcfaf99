import type { ByteRange, FileStore } from '../filestore/file-store.ts';
import { DUMP_FILE_NAME } from '../filestore/layout.ts';
import type { DumpJob } from '../services/jobs/job.ts';
import { isJobId } from '../services/jobs/job.ts';
import { parseRange } from './byte-ranges.ts';
import { HttpError, sendError } from './reply.ts';
import type { Handler, HttpResponse, RequestContext } from './types.ts';

/**
 * A line of two megabits is the slowest that the server's limit of time is trusted with: a download
 * that would not be over on it takes the connection over.
 */
const SLOW_LINE_BYTES_PER_S = 256 * 1024;

/**
 * Downloads at once. Each holds some 2 MiB while its client takes nothing; a browser opens six
 * connections to one server.
 */
export const DOWNLOADS_MAX = 16;
/** When to ask again; most downloads take longer, but one of 16 is soon over. */
const RETRY_AFTER_SECONDS = 30;

export interface DownloadOptions {
  /** How long the server lets an answer take; 0: as long as it likes. */
  readonly writeTimeoutSeconds: () => number;
  readonly getJob: (id: string) => Promise<DumpJob | undefined>;
  /** Throws a `CodedError` that says why when there is no usable file store. */
  readonly fileStore: () => FileStore;
}

/** `GET /jobs/download/{id}`: streams the dump, or a part of it, from the file store. */
export function downloadHandler(options: DownloadOptions): Handler {
  let runningCount = 0;
  return async (context) => {
    if (runningCount >= DOWNLOADS_MAX) return refuse(context.response);
    runningCount++;
    try {
      await download(context, options);
    } finally {
      runningCount--;
    }
  };
}

/** Not an error for the log, which whoever asks in vain could fill. */
async function refuse(response: HttpResponse): Promise<void> {
  response.header.set('Retry-After', String(RETRY_AFTER_SECONDS));
  const text = `${DOWNLOADS_MAX} downloads are running; try again when one of them is over.`;
  await sendError(response, new HttpError(503, 'ERR_DOWNLOADS_BUSY', text));
}

async function download(
  { request, response, params }: RequestContext,
  { getJob, fileStore, writeTimeoutSeconds }: DownloadOptions,
): Promise<void> {
  if (!isJobId(params.id)) throw new HttpError(400, 'ERR_JOB_ID', 'This is not the id of a job.');
  const job = await getJob(params.id);
  if (job === undefined) throw new HttpError(404, 'ERR_JOB_UNKNOWN', 'There is no such job.');
  if (job.dump_location === '') {
    throw new HttpError(404, 'ERR_DUMP_MISSING', 'This job has no dump.');
  }
  const store = fileStore();
  const stat = await store.stat(job.dump_location);
  if (stat === undefined) {
    throw new HttpError(404, 'ERR_DUMP_MISSING', 'The file of this dump is gone.');
  }
  // A finished dump is not made again under its job's id: id and size tell two files apart.
  const tag = `"${job.id}-${stat.sizeBytes}"`;
  const condition = request.header.get('If-Range');
  const wanted = condition === undefined || condition === tag;
  const range = parseRange(wanted ? request.header.get('Range') : undefined, stat.sizeBytes);
  setHeaders(response, tag, job.dump_location);
  if (range === 'unsatisfiable') {
    response.header.set('Content-Range', `bytes */${stat.sizeBytes}`);
    response.header.set('Content-Length', '0');
    await response.writeHead(416);
    return;
  }
  const { start, end } = range === 'whole' ? { start: 0, end: stat.sizeBytes } : range;
  const part: ByteRange = { start, end };
  response.header.set('Content-Length', String(end - start));
  if (range !== 'whole') {
    response.header.set('Content-Range', `bytes ${start}-${end - 1}/${stat.sizeBytes}`);
  }
  const source = store.read(job.dump_location, part, 'borrowed');
  const pieces = source[Symbol.asyncIterator]();
  // While the first piece is not there, another answer than a success is still possible.
  const first = await pieces.next();
  // Also without any limit of the server: on a connection of ours, a client that takes nothing any more
  // is given up.
  const takeOver = (end - start) / SLOW_LINE_BYTES_PER_S > writeTimeoutSeconds();
  await stream(pieces, first, response, { status: range === 'whole' ? 200 : 206, takeOver });
}

function setHeaders(response: HttpResponse, tag: string, location: string): void {
  const name = location.slice(location.lastIndexOf('/') + 1).replaceAll(/[^\w.-]/g, '_');
  const { header } = response;
  header.set('Content-Type', name.endsWith('.zip') ? 'application/zip' : 'application/gzip');
  header.set('Content-Disposition', `attachment; filename="${name || DUMP_FILE_NAME}"`);
  header.set('Accept-Ranges', 'bytes');
  header.set('ETag', tag);
  header.set('Cache-Control', 'private, no-cache');
  header.set('X-Content-Type-Options', 'nosniff');
}

/** Reads the next piece while the one before is on its way: disk and wire work at the same time. */
async function stream(
  pieces: AsyncIterator<Uint8Array>,
  first: IteratorResult<Uint8Array>,
  response: HttpResponse,
  { status, takeOver }: { readonly status: 200 | 206; readonly takeOver: boolean },
): Promise<void> {
  let next = Promise.resolve(first);
  try {
    if (takeOver) await response.takeOver();
    await response.writeHead(status);
    for (;;) {
      const piece = await next;
      if (piece.done === true) return;
      next = pieces.next();
      // Its failure is handled when it is awaited, also if the write below fails first.
      next.catch(() => undefined);
      await response.write(piece.value);
    }
  } finally {
    await pieces.return?.();
  }
}
