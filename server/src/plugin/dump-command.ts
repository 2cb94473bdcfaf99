import type { Clock } from '../base/clock.ts';
import { CodedError, describeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { withTimeout } from '../base/sync/timeout.ts';
import { formatUtcMinute } from '../base/utc-time.ts';
import type { DumpJob } from '../services/jobs/job.ts';
import { parseDumpRange } from './dump-range.ts';
import type { Host, SlashCommand } from './host.ts';
import { literal } from './markdown.ts';

export const METRICS_COMMAND: SlashCommand = {
  trigger: 'metrics',
  description: 'Collected performance metrics of this Mattermost server',
  subcommands: [
    {
      trigger: 'dump',
      hint: '[duration | from to]',
      helpText: 'Create a dump of collected metrics and get a link to it',
      suggestions: [
        { item: '24h', helpText: 'The last 24 hours' },
        { item: '3d', helpText: 'The last 3 days' },
        { item: '15d', helpText: 'The last 15 days' },
      ],
    },
    {
      trigger: 'status',
      hint: '',
      helpText: 'Tell which node collects metrics, from where, and what goes wrong',
      suggestions: [],
    },
  ],
};

const USAGE =
  'Usage: `/metrics dump` for the last 24 hours, `/metrics dump 3d` for another duration, or ' +
  '`/metrics dump 2026-01-31 2026-02-01T12:00Z` for a range of times (UTC); ' +
  '`/metrics status` tells how the collecting goes.';

/** A user waits for the answer of a command, and webhooks of the server give up after 30 s. */
const ANSWER_WITHIN_MS = 4_000;
/** Whatever hangs, this is when the caller hears of it. */
const ANSWER_LIMIT_MS = 4_500;
/** After this, the panel is the place to look. */
const FOLLOW_UP_WITHIN_MS = 24 * 60 * 60 * 1000;

/** Who called the command, and where. */
export interface CommandCall {
  readonly userId: string;
  readonly channelId: string;
  /** The thread; '' outside of one. */
  readonly rootId: string;
  /** The whole line, with the trigger. */
  readonly text: string;
}

export interface DumpCommandOptions {
  readonly host: Pick<Host, 'isAdministrator' | 'sendEphemeral'>;
  readonly jobs: {
    create(minTimeMs: number, maxTimeMs: number): Promise<DumpJob>;
    whenFinished(id: string, timeoutMs: number): Promise<DumpJob | undefined>;
  };
  readonly status: () => Promise<string>;
  /** Who keeps others waiting just now, such as `the file store`. */
  readonly slowest: () => string | undefined;
  readonly downloadLink: (jobId: string) => string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Carries out `/metrics …`; the result is shown to the caller alone. Never rejects. */
export async function runMetricsCommand(
  call: CommandCall,
  options: DumpCommandOptions,
): Promise<string> {
  const late = new CodedError('ERR_NO_ANSWER', 'no answer came in time');
  try {
    return await withTimeout(options.clock, ANSWER_LIMIT_MS, answer(call, options), () => late);
  } catch (error) {
    if (error === late) {
      const who = options.slowest() ?? 'The plugin or the server';
      return `${who.charAt(0).toUpperCase()}${who.slice(1)} does not answer. What was asked for may still happen.`;
    }
    options.logger.error('A slash command failed', { error });
    return `The command failed: ${literal(`${describeError(error)}.`)}`;
  }
}

async function answer(call: CommandCall, options: DumpCommandOptions): Promise<string> {
  if (!(await options.host.isAdministrator(call.userId))) {
    return 'Only system administrators may use this command.';
  }
  const [, subcommand, ...words] = call.text.trim().split(/\s+/);
  if (subcommand === 'status') return options.status();
  if (subcommand !== 'dump') return USAGE;
  return makeDump(call, words, options);
}

async function makeDump(
  call: CommandCall,
  words: readonly string[],
  options: DumpCommandOptions,
): Promise<string> {
  const range = parseDumpRange(words, options.clock.nowMs());
  if (typeof range === 'string') return `${range}\n\n${USAGE}`;
  const startMs = options.clock.monotonicMs();
  const { id } = await options.jobs.create(range.minTimeMs, range.maxTimeMs);
  const outcome = await soonOutcome(id, startMs, options);
  if (outcome !== undefined) return outcome;
  followUp(call, id, options).catch((error: unknown) => {
    options.logger.warn('The outcome of a dump could not be posted', { jobId: id, error });
  });
  return 'The dump is being made. A link to it will appear here when it is finished.';
}

/** undefined: it is not known yet how the job ended, or nobody can be asked. */
async function soonOutcome(
  id: string,
  startMs: number,
  options: DumpCommandOptions,
): Promise<string | undefined> {
  const { jobs, clock } = options;
  const leftMs = Math.max(0, ANSWER_WITHIN_MS - (clock.monotonicMs() - startMs));
  const outcome = jobs
    .whenFinished(id, leftMs)
    .then((job) => outcomeText(id, job, options))
    .catch(() => undefined);
  const waited = new AbortController();
  const late = clock.sleep(leftMs, waited.signal).then(
    () => undefined,
    () => outcome,
  );
  try {
    return await Promise.race([outcome, late]);
  } finally {
    waited.abort();
  }
}

async function followUp(call: CommandCall, id: string, options: DumpCommandOptions): Promise<void> {
  const job = await options.jobs.whenFinished(id, FOLLOW_UP_WITHIN_MS);
  const message =
    outcomeText(id, job, options) ??
    'The dump is still not finished. See System Console > Plugins > Mattermost Metrics Plugin.';
  const { userId, channelId, rootId } = call;
  await options.host.sendEphemeral({ userId, channelId, rootId, message });
}

/** undefined while the job is under way. */
function outcomeText(
  id: string,
  job: DumpJob | undefined,
  options: DumpCommandOptions,
): string | undefined {
  if (job === undefined) return 'The dump job was deleted.';
  if (job.status === 'error')
    return `The dump failed: ${literal(job.error ?? 'no reason is known')}`;
  if (job.status !== 'success') return undefined;
  const sizeMb = ((job.size_bytes ?? 0) / 1e6).toFixed(1);
  const from = formatUtcMinute(job.min_t);
  const to = formatUtcMinute(job.max_t);
  const leftOut = job.error === undefined ? '' : `\n${literal(job.error)}`;
  const link = options.downloadLink(id);
  return `The dump is ready: [Download dump (${sizeMb} MB)](${link}), ${from} to ${to} UTC.${leftOut}`;
}
