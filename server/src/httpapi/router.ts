import type { Clock } from '../base/clock.ts';
import { CodedError, hasCode } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { redactText } from '../base/redact.ts';
import { PendingReply } from './pending-reply.ts';
import { HttpError, sendError } from './reply.ts';
import type { Handler, HttpRequest, HttpResponse } from './types.ts';

/** The header in which the host names the user of an authenticated session; nobody else can set it. */
const USER_HEADER = 'Mattermost-User-Id';

export interface RouterOptions {
  readonly logger: Logger;
  /** Whether the user may manage the system. */
  readonly isAdministrator: (userId: string) => Promise<boolean>;
  readonly clock: Clock;
  /** Who keeps others waiting just now, such as `the file store`. */
  readonly slowest: () => string | undefined;
}

/** A person waits for an answer: its head is sent within this time, be it that of an error. */
const ANSWER_LIMIT_MS = 4_500;

interface Route {
  readonly method: string;
  readonly segments: readonly string[];
  readonly handler: Handler;
}

/** Finds the handler of a request, after it was settled that the user may ask at all. */
export class Router {
  readonly #options: RouterOptions;
  readonly #routes: Route[] = [];

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** @param path such as `/jobs/delete/{id}`; a `{name}` matches one non-empty part */
  add(method: string, path: string, handler: Handler): this {
    this.#routes.push({ method, segments: path.split('/'), handler });
    return this;
  }

  /** Answers the request. Never rejects; what went wrong is logged with its cause. */
  async serve(request: HttpRequest, response: HttpResponse): Promise<void> {
    const reply = new PendingReply(response);
    const path = request.url.split('?', 1)[0];
    const timer = new AbortController();
    try {
      const answer = this.#answer(request, path, reply, response);
      const late = this.#late(reply, timer.signal);
      await Promise.race([answer, late.then(() => answer)]);
    } catch (error) {
      await this.#fail(error, `${request.method} ${path}`, reply, response);
    } finally {
      timer.abort();
    }
  }

  async #answer(
    request: HttpRequest,
    path: string,
    reply: PendingReply,
    response: HttpResponse,
  ): Promise<void> {
    await this.#authorize(request);
    const { handler, params } = this.#find(request.method, path, response);
    await handler({ request, response: reply, params });
  }

  /** Resolves when the handler has begun to answer in time, and rejects when it has not. */
  async #late(reply: PendingReply, ended: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(ANSWER_LIMIT_MS, ended).catch(() => undefined);
    if (ended.aborted || reply.isBegun) return;
    reply.abandon();
    throw this.#noAnswer();
  }

  /** Names who keeps us waiting. */
  #noAnswer(cause?: unknown): HttpError {
    const who = this.#options.slowest() ?? 'a part of the plugin';
    const text = `${sentence(`${who} does not answer`)} What was asked for may still happen.`;
    return new HttpError(503, 'ERR_NO_ANSWER', text, cause);
  }

  async #authorize(request: HttpRequest): Promise<void> {
    const userId = request.header.get(USER_HEADER) ?? '';
    if (userId === '') throw new HttpError(401, 'ERR_UNAUTHORIZED', 'Log in first.');
    if (await this.#options.isAdministrator(userId)) return;
    throw new HttpError(403, 'ERR_FORBIDDEN', 'Only system administrators may do this.');
  }

  #find(
    method: string,
    path: string,
    response: HttpResponse,
  ): { handler: Handler; params: Record<string, string> } {
    const segments = path.split('/');
    const allowed: string[] = [];
    for (const route of this.#routes) {
      const params = match(route.segments, segments);
      if (params === undefined) continue;
      if (route.method === method) return { handler: route.handler, params };
      allowed.push(route.method);
    }
    if (allowed.length === 0) throw new HttpError(404, 'ERR_NOT_FOUND', 'There is no such page.');
    response.header.set('Allow', allowed.join(', '));
    throw new HttpError(405, 'ERR_METHOD', 'This method is not allowed here.');
  }

  async #fail(
    error: unknown,
    what: string,
    reply: PendingReply,
    response: HttpResponse,
  ): Promise<void> {
    const { logger } = this.#options;
    const isLate = hasCode(error, 'ERR_NO_ANSWER') && !(error instanceof HttpError);
    const answer = isLate ? this.#noAnswer(error) : publicError(error);
    const fields = { request: what, status: answer.status, error };
    reply.abandon();
    if (reply.isClientGone) {
      logger.debug('A client went away before it had the whole answer', fields);
      return;
    }
    if (reply.isBegun) {
      // Too late for another answer. The client sees a body that is shorter than announced.
      logger.warn('An answer ended early', fields);
      return;
    }
    if (answer.status >= 500) logger.error('A request failed', fields);
    else logger.debug('A request was refused', fields);
    try {
      await sendError(response, answer);
    } catch (sendFailure) {
      logger.debug('An error could not be answered', { request: what, error: sendFailure });
    }
  }
}

function match(
  route: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  if (route.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, expected] of route.entries()) {
    const found = segments[i];
    if (expected.startsWith('{')) {
      if (found === '') return undefined;
      params[expected.slice(1, -1)] = found;
    } else if (expected !== found) {
      return undefined;
    }
  }
  return params;
}

/** Codes whose messages are fit for the panel, with the status that tells the client most. */
const PUBLIC_CODES: Readonly<Record<string, number>> = {
  ERR_JOB_RANGE: 400,
  ERR_JOBS_CONFLICT: 503,
  ERR_JOBS_CORRUPT: 500,
  ERR_JOBS_FULL: 409,
  ERR_FILESTORE_NOT_FOUND: 404,
  ERR_NOT_READY: 503,
  ERR_HOST_SILENT: 503,
  ERR_MATTERMOST_API: 503,
};

/** Undefined when the message is for the log alone. Whatever ails the file store concerns everybody. */
function publicStatus(code: string): number | undefined {
  return PUBLIC_CODES[code] ?? (code.startsWith('ERR_FILESTORE') ? 503 : undefined);
}

function publicError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof CodedError) {
    const status = publicStatus(error.code);
    if (status !== undefined) {
      return new HttpError(status, error.code, sentence(redactText(error.message)), error);
    }
  }
  const text = 'Something went wrong; the server log says what.';
  return new HttpError(500, 'ERR_INTERNAL', text, error);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
