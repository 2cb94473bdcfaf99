// Which endpoints to scrape, as the Go plugin decides it (server/configuration.go,
// generateTargetGroup; server/calls_targets.go): the published dashboards filter on its `job` and
// `instance` labels. Our own metrics, calls-offloader and the extra targets are beyond it.

import { hostComplaint, joinHostPort, splitZone, urlAuthority } from '../../base/host.ts';
import type { Target } from '../../ingest/index.ts';
import type { AuthorizedTarget } from '../config/target-credentials.ts';
import type { HostEntry } from '../config/target-lists.ts';
import { CALLS_PLUGIN_ID } from './calls-endpoints.ts';
import type { CallsEndpoints } from './calls-endpoints.ts';
import { forwardedFrom } from './forwarded.ts';

export interface TargetInput {
  /** `MetricsSettings.ListenAddress` of the Mattermost server. */
  readonly listenAddress: string;
  /** App nodes of the cluster. With fewer than two the one node is this machine. */
  readonly nodes: readonly { readonly hostname: string }[];
  readonly enableNodeExporter: boolean;
  /** 1 to 65535. */
  readonly nodeExporterPort: number;
  /** Our own id, whose metrics each app node serves. */
  readonly pluginId: string;
  readonly calls: CallsEndpoints;
  readonly callsOffloaderHosts: readonly HostEntry[];
  readonly extraTargets: readonly AuthorizedTarget[];
}

/** What is scraped, and what is not although somebody asked for it. */
export interface TargetList {
  readonly targets: readonly Target[];
  /** What is left out and why, half a sentence each. */
  readonly leftOut: readonly string[];
  /** Targets whose samples get into the same series: job and instance of each kind. */
  readonly alike: readonly string[];
}

/** The job of our own metrics. */
const OWN_JOB = 'mattermost-plugin-metrics';
const QUOTED_LENGTH_MAX = 60;

/**
 * The targets, app nodes before their node exporters. As in Prometheus, targets are the same when URL
 * and labels are; of these the first one counts. What cannot be scraped leaves the others in.
 */
export function buildTargets(input: TargetInput): TargetList {
  const leftOut: string[] = [];
  const { hosts, port } = appNodes(input, leftOut);
  const { enableNodeExporter, nodeExporterPort, pluginId, calls } = input;
  const drops = forwardedFrom([CALLS_PLUGIN_ID, pluginId]);
  const nodeExporter = (host: string): Target[] =>
    enableNodeExporter ? [{ ...makeTarget('node', host, nodeExporterPort), isOptional: true }] : [];
  const servers = port === undefined ? [] : hosts.map((host) => ({ host, port }));
  const found: Target[] = [];
  for (const host of hosts) {
    if (port !== undefined) found.push({ ...makeTarget('prometheus', host, port), drops });
    found.push(...nodeExporter(host));
  }
  for (const { host, port: own } of servers) {
    found.push(makeTarget(OWN_JOB, host, own, pluginPath(pluginId)));
  }
  if (calls.isRunning) {
    const path = pluginPath(CALLS_PLUGIN_ID);
    for (const { host, port: own } of servers) found.push(makeTarget('calls', host, own, path));
    for (const { address, port: rtcdPort, protocol } of calls.rtcd) {
      found.push(makeTarget('calls', address, rtcdPort, '/metrics', protocol));
      found.push(...nodeExporter(address));
    }
  }
  for (const { host, port: own } of input.callsOffloaderHosts) {
    found.push(makeTarget('node', host, own ?? nodeExporterPort));
  }
  const targets = distinct(found);
  for (const extra of input.extraTargets) {
    const target = makeExtraTarget(extra);
    const key = keyOf(target);
    const same = targets.get(key);
    if (same === undefined || same.isOptional === true) targets.set(key, target);
    else leftOut.push(`line ${extra.line} of ExtraTargets: it is a target already`);
  }
  const all = [...targets.values()];
  return { targets: all, leftOut, alike: alikeTargets(all) };
}

/**
 * The hosts of the servers, and the port of their metrics: undefined when it is not known, so that
 * what else runs on the hosts is scraped all the same.
 */
function appNodes(
  { listenAddress, nodes }: TargetInput,
  leftOut: string[],
): { hosts: readonly string[]; port: number | undefined } {
  const address = splitListenAddress(listenAddress);
  const isKnown = typeof address !== 'string';
  if (!isKnown) {
    leftOut.push(
      `the Mattermost server (MetricsSettings.ListenAddress ${quote(listenAddress)}: ${address})`,
    );
  }
  const port = isKnown ? address.port : undefined;
  if (nodes.length < 2) return { hosts: [isKnown ? address.host : 'localhost'], port };
  const hosts: string[] = [];
  for (const { hostname } of nodes) {
    const complaint = hostComplaint(hostname);
    if (complaint === undefined) hosts.push(hostname);
    else leftOut.push(`the cluster node ${quote(hostname)} (${complaint})`);
  }
  return { hosts, port };
}

/** By what makes them the same. Who was asked for by somebody is not optional any more. */
function distinct(found: readonly Target[]): Map<string, Target> {
  const targets = new Map<string, Target>();
  for (const target of found) {
    const key = keyOf(target);
    const same = targets.get(key);
    if (same === undefined || (same.isOptional === true && target.isOptional !== true)) {
      targets.set(key, target);
    }
  }
  return targets;
}

function keyOf({ url, labels }: Target): string {
  return JSON.stringify([url, labelsKey(labels)]);
}

function labelsKey(labels: Target['labels']): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function alikeTargets(targets: readonly Target[]): string[] {
  const counts = new Map<string, { target: Target; count: number }>();
  for (const target of targets) {
    const key = labelsKey(target.labels);
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { target, count: 1 });
    else known.count++;
  }
  return [...counts.values()]
    .filter(({ count }) => count > 1)
    .map(({ target: { labels }, count }) => `${count} of ${labels.job} at ${labels.instance}`);
}

function pluginPath(pluginId: string): string {
  return `/plugins/${pluginId}/metrics`;
}

function makeTarget(
  job: string,
  host: string,
  port: number,
  path = '/metrics',
  protocol = 'http:',
): Target {
  const instance = joinHostPort(host, port);
  const url = `${protocol}//${urlAuthority(connectHost(host), port)}${path}`;
  return { url, labels: { job, instance } };
}

function makeExtraTarget({ url, job, labels, authorization }: AuthorizedTarget): Target {
  const { url: plain, zone } = splitZone(url);
  const { protocol, hostname, port } = new URL(plain);
  const host = zone === '' ? hostname : hostname.replace(']', `%${zone}]`);
  const usualPort = protocol === 'https:' ? '443' : '80';
  const instance = `${host}:${port === '' ? usualPort : port}`;
  const target = { url, labels: { instance, ...labels, job } };
  return authorization === undefined ? target : { ...target, authorization };
}

/** "All addresses" can be listened on, not connected to; the label stays as it was written. */
function connectHost(host: string): string {
  return host === '0.0.0.0' || /^(0{0,4}:)*:?(0{0,4}:)*0{0,4}$/.test(host) ? 'localhost' : host;
}

/** As Go's net.SplitHostPort, with an empty host meaning this machine; or what is wrong. */
function splitListenAddress(address: string): { host: string; port: number } | string {
  const parts = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(address);
  if (parts === null) return 'it is not of the form host:port';
  if (!/^[0-9]{1,5}$/.test(parts[3])) return 'its port is not a number';
  const port = Number(parts[3]);
  if (port < 1 || port > 65535) return 'its port is not from 1 to 65535';
  const host = parts[1] ?? parts[2];
  if (host === '') return { host: 'localhost', port };
  return hostComplaint(host) ?? { host, port };
}

/** Long texts in part, and nothing of a password that got there. */
function quote(text: string): string {
  const shown = text.replace(/^.*@/s, '…@');
  return JSON.stringify(
    shown.length <= QUOTED_LENGTH_MAX ? shown : `${shown.slice(0, QUOTED_LENGTH_MAX)}…`,
  );
}
