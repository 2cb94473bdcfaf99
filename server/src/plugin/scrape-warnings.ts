import { codeOf, describeError } from '../base/errors.ts';
import type { TargetStatus } from '../ingest/index.ts';
import { SERVER_JOB } from '../model/server-job.ts';
import type { Warning } from '../services/health/warning-board.ts';
import type { ServerConfig } from './host.ts';

export interface ScrapeFacts {
  readonly config: ServerConfig;
  /** Whether the licence covers performance metrics. */
  readonly hasLicense: boolean;
  readonly targets: readonly TargetStatus[];
  /** Why storage does not take what is scraped; undefined while it does. */
  readonly storeFault?: unknown;
  /** Whether the target with this URL was ever scraped with success. */
  readonly wasUp: (url: string) => boolean;
}

interface Verdict {
  readonly code: string;
  /** undefined: all is well. */
  readonly warning: Omit<Warning, 'code'> | undefined;
}

/** Codes of scrapes that failed because of what was answered. */
const ANSWERED = /^ERR_(EXPOSITION|SCRAPE_|HTTP_BODY_LIMIT|HTTP_REDIRECT)/;

/** Codes of scrapes that failed because the target has more than its share of the memory. */
const SHARE_CODES = new Set(['ERR_SERIES_SHARE', 'ERR_SERIES_LIMIT', 'ERR_HEAD_SHARE']);

/** What an administrator should know about the scraping; one verdict for each code there is. */
export function scrapeWarnings(facts: ScrapeFacts): Verdict[] {
  const { config, targets } = facts;
  const failed = targets.filter((target) => !target.up && target.lastError !== undefined);
  const [greedy, failing] = [failed.filter(isGreedy), failed.filter((one) => !isGreedy(one))];
  const server = failing.find((target) => target.job === SERVER_JOB);
  return [
    { code: 'metrics_disabled', warning: config.metricsEnabled ? undefined : METRICS_DISABLED },
    {
      code: 'server_not_scraped',
      warning: facts.hasLicense ? serverWarning(facts, server) : undefined,
    },
    // With a code of its own, by which the panel leads to another page.
    {
      code: 'license_missing',
      warning: facts.hasLicense ? undefined : serverWarning(facts, server),
    },
    { code: 'exporter_down', warning: exporterWarning(facts, failing) },
    { code: 'series_limit', warning: shareWarning(greedy) },
    { code: 'storing_failed', warning: storeWarning(facts.storeFault) },
  ];
}

function isGreedy({ failureCode }: TargetStatus): boolean {
  return SHARE_CODES.has(failureCode ?? '');
}

function shareWarning(greedy: readonly TargetStatus[]): Omit<Warning, 'code'> | undefined {
  if (greedy.length === 0) return undefined;
  const [first] = greedy;
  const more = greedy.length === 1 ? '' : ` (and of ${greedy.length - 1} more)`;
  return {
    message: `Metrics of ${first.instance}${more} are not stored any more: ${reason(first)}`,
    action:
      'Make the exporter offer fewer series, for example without labels that hold ids of users or ' +
      'requests, or take it from the targets; SampleLimit refuses such answers before they take memory.',
  };
}

function storeWarning(fault: unknown): Omit<Warning, 'code'> | undefined {
  if (fault === undefined) return undefined;
  return {
    message: `What is collected cannot be stored: ${describeError(fault)}.`,
    action: `${storeAction(codeOf(fault))} What targets answer is stored as soon as that is possible again.`,
  };
}

function storeAction(code: string | undefined): string {
  switch (code) {
    case 'ERR_ESCROW_FULL':
      return 'Bring the database of the Mattermost server back.';
    case 'ERR_HEAD_FULL':
      return 'Scrape less often, or make exporters offer fewer series.';
    default:
      return 'Free space on the disk of the TSDB Path, and let it be written to.';
  }
}

const METRICS_DISABLED = {
  message:
    'Performance monitoring of the Mattermost server is switched off, so it has no metrics to collect.',
  action:
    'Switch on System Console > Environment > Performance Monitoring > Enable Performance Monitoring.',
};

function serverWarning(
  facts: ScrapeFacts,
  server: TargetStatus | undefined,
): Omit<Warning, 'code'> | undefined {
  if (server === undefined || !facts.config.metricsEnabled) return undefined;
  const message = `The Mattermost server's own metrics cannot be collected: ${reason(server)}`;
  if (facts.hasLicense) {
    return {
      message,
      action:
        'Check Environment > Performance Monitoring in the System Console: the listen address ' +
        'must be one that the server can reach itself.',
    };
  }
  return {
    message: `${message} The server has no licence for performance monitoring.`,
    action: 'The server offers metrics with an Entry, Enterprise or Enterprise Advanced licence.',
  };
}

/**
 * Exporters other than the server. node_exporter is a target by default, installed or not, so one
 * that never answered is no news; the panel's table of targets shows it.
 */
function exporterWarning(
  facts: ScrapeFacts,
  failing: readonly TargetStatus[],
): Omit<Warning, 'code'> | undefined {
  const lost = failing.filter(({ job, url }) => job !== SERVER_JOB && facts.wasUp(url));
  if (lost.length === 0) return undefined;
  const [first] = lost;
  const more = lost.length === 1 ? '' : ` (and ${lost.length - 1} more)`;
  return {
    message: `Metrics of ${first.instance}${more} cannot be collected any more: ${reason(first)}`,
    action: ANSWERED.test(first.failureCode ?? '')
      ? 'Make the exporter answer with metrics, within the limits that are set for an answer.'
      : 'Check that the exporter is running and can be reached from the Mattermost server.',
  };
}

function reason(target: TargetStatus): string {
  const text = target.lastError ?? 'the last scrape failed';
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
