import { formatUtcMinute } from '../base/utc-time.ts';
import { allWarnings } from '../httpapi/status.ts';
import type { ClusterOverview, StatusSource } from '../httpapi/status.ts';
import type { TargetStatus } from '../ingest/index.ts';
import { literal } from './markdown.ts';

const ROLES: Readonly<Record<string, string>> = {
  scraper: 'scrapes',
  lapsed: 'keeps what it scrapes in memory',
  waiting: 'stands by',
  lost: 'does not answer',
  starting: 'is starting',
};
/** A post has an end; the panel shows them all. */
const TARGETS_MAX = 60;

/** What `/metrics status` answers: which node scrapes, what, and what goes wrong, in Markdown. */
export async function statusText(source: StatusSource): Promise<string> {
  const cluster = await source.cluster();
  const reported = cluster?.reported;
  const nowMs = source.nowMs();
  const lastSyncMs = reported?.lastSyncMs ?? source.lastSyncMs() ?? 0;
  const lastCopiedMs = reported?.lastCopiedMs ?? source.lastCopiedMs() ?? 0;
  const parts = [
    ...(cluster === undefined ? [aloneLine(source.state())] : clusterLines(cluster, nowMs)),
    targetTable(reported?.targets ?? source.targets(), nowMs),
    syncLine(lastSyncMs, lastCopiedMs, nowMs),
  ];
  for (const { message, action } of allWarnings(source.warnings(), cluster)) {
    parts.push(`:warning: ${literal(message)}${action === undefined ? '' : ` ${literal(action)}`}`);
  }
  return parts.join('\n\n');
}

function syncLine(lastSyncMs: number, lastCopiedMs: number, nowMs: number): string {
  const copied =
    lastCopiedMs === 0
      ? 'Nothing was copied to the file store yet.'
      : `Last copied to the file store: ${ago(nowMs - lastCopiedMs)}.`;
  if (lastSyncMs <= lastCopiedMs) return copied;
  return `${copied} Nothing to copy when last checked, ${ago(nowMs - lastSyncMs)}.`;
}

function aloneLine(state: string): string {
  if (state === 'stalled') return '**Nothing can be stored.**';
  return state === 'running' ? 'Metrics are being collected.' : 'The plugin is starting.';
}

function clusterLines({ scraper, node, instances }: ClusterOverview, nowMs: number): string[] {
  const who =
    scraper === undefined
      ? 'No node of this version scrapes right now; one takes over within 30 seconds.'
      : `${literal(scraper.node)} scrapes since ${formatUtcMinute(scraper.sinceMs)} UTC.`;
  const nodes = instances.map((each) => {
    const role = ROLES[each.role] ?? literal(each.role);
    const [node, version] = [literal(each.node), literal(each.version)];
    return `- ${node} ${role} (version ${version}, seen ${ago(nowMs - each.reportedMs)})`;
  });
  return [`${who} Answered by ${literal(node)}.`, nodes.join('\n')];
}

function targetTable(targets: readonly TargetStatus[], nowMs: number): string {
  if (targets.length === 0) return 'There are no targets.';
  const rows = targets.slice(0, TARGETS_MAX).map((target) => {
    const { lastScrapeMs, samples } = target;
    const [instance, job] = [literal(target.instance), literal(target.job)];
    const age = lastScrapeMs === undefined ? '' : ago(nowMs - lastScrapeMs);
    // That nobody is there is no fault where nobody has to be.
    const error = target.absent === true ? '' : literal(target.lastError ?? '');
    return `| ${instance} | ${job} | ${stateOf(target)} | ${age} | ${samples} | ${error} |`;
  });
  const more = targets.length - rows.length;
  return [
    '| Target | Job | State | Last scrape | Samples | Error |',
    '|---|---|---|---|---|---|',
    ...rows,
    ...(more > 0 ? [`| and ${more} more | | | | | |`] : []),
  ].join('\n');
}

function stateOf({ up, absent, lastScrapeMs }: TargetStatus): string {
  if (lastScrapeMs === undefined) return 'not yet scraped';
  if (up) return 'up';
  return absent === true ? 'not installed' : '**down**';
}

/** A clock of another node may be ahead. */
function ago(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
}
