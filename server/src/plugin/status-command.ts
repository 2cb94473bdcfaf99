import { allWarnings } from '../httpapi/status.ts';
import type { ClusterOverview, StatusSource } from '../httpapi/status.ts';
import type { TargetStatus } from '../ingest/index.ts';

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
    parts.push(`:warning: ${message}${action === undefined ? '' : ` ${action}`}`);
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
      : `**${scraper.node}** scrapes since ${isoMinute(scraper.sinceMs)} UTC.`;
  const nodes = instances.map((each) => {
    const role = ROLES[each.role] ?? each.role;
    return `- ${each.node} ${role} (version ${each.version}, seen ${ago(nowMs - each.reportedMs)})`;
  });
  return [`${who} Answered by ${node}.`, nodes.join('\n')];
}

function targetTable(targets: readonly TargetStatus[], nowMs: number): string {
  if (targets.length === 0) return 'There are no targets.';
  const rows = targets.slice(0, TARGETS_MAX).map((target) => {
    const { job, instance, up, lastScrapeMs, samples } = target;
    const state = lastScrapeMs === undefined ? 'not yet scraped' : up ? 'up' : '**down**';
    const age = lastScrapeMs === undefined ? '' : ago(nowMs - lastScrapeMs);
    const error = cell(target.lastError ?? '');
    return `| ${cell(instance)} | ${cell(job)} | ${state} | ${age} | ${samples} | ${error} |`;
  });
  const more = targets.length - rows.length;
  return [
    '| Target | Job | State | Last scrape | Samples | Error |',
    '|---|---|---|---|---|---|',
    ...rows,
    ...(more > 0 ? [`| and ${more} more | | | | | |`] : []),
  ].join('\n');
}

/** Text of others in a table: no bar ends a cell early, no line a row. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
}

/** A clock of another node may be ahead. */
function ago(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
}

function isoMinute(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ');
}
