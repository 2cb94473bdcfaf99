// Which endpoints to scrape, as the Go plugin decides it (server/configuration.go,
// generateTargetGroup; server/calls_targets.go): the published dashboards filter on its `job` and
// `instance` labels. Our own metrics, calls-offloader and the extra targets are beyond it.

import { CodedError } from '../../base/errors.ts';
import type { Target } from '../../ingest/index.ts';
import type { ExtraTarget, HostEntry } from '../config/target-lists.ts';
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
  readonly extraTargets: readonly ExtraTarget[];
}

/** The job of our own metrics. */
const OWN_JOB = 'mattermost-plugin-metrics';

/**
 * The targets, app nodes before their node exporters, each `job` and `instance` once; what comes
 * first wins. Throws `ERR_LISTEN_ADDRESS` when the address cannot be scraped.
 */
export function buildTargets(input: TargetInput): Target[] {
  const { host, port } = splitListenAddress(input.listenAddress);
  const hosts = input.nodes.length < 2 ? [host] : input.nodes.map((node) => node.hostname);
  const { enableNodeExporter, nodeExporterPort, pluginId, calls } = input;
  const drops = forwardedFrom([CALLS_PLUGIN_ID, pluginId]);
  const found: Target[] = [];
  for (const one of hosts) {
    found.push({ ...makeTarget('prometheus', one, port), drops });
    if (enableNodeExporter) found.push(makeTarget('node', one, nodeExporterPort));
  }
  for (const one of hosts) found.push(makeTarget(OWN_JOB, one, port, pluginPath(pluginId)));
  if (calls.isRunning) {
    const path = pluginPath(CALLS_PLUGIN_ID);
    for (const one of hosts) found.push(makeTarget('calls', one, port, path));
    for (const { address, port: rtcdPort, protocol } of calls.rtcd) {
      found.push(makeTarget('calls', address, rtcdPort, '/metrics', protocol));
      if (enableNodeExporter) found.push(makeTarget('node', address, nodeExporterPort));
    }
  }
  for (const { host: one, port: ownPort } of input.callsOffloaderHosts) {
    found.push(makeTarget('node', one, ownPort ?? nodeExporterPort));
  }
  found.push(...input.extraTargets.map(makeExtraTarget));
  const targets = new Map<string, Target>();
  for (const target of found) {
    const key = JSON.stringify([target.labels.job, target.labels.instance]);
    if (!targets.has(key)) targets.set(key, target);
  }
  return [...targets.values()];
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
  const url = `${protocol}//${joinHostPort(connectHost(host), port)}${path}`;
  if (!isUrl(url) || /[\s/?#@\\]/.test(host)) throw addressError('its host is not valid', host);
  return { url, labels: { job, instance } };
}

function makeExtraTarget({ url, job, labels }: ExtraTarget): Target {
  const { protocol, host, port } = new URL(url);
  const usualPort = protocol === 'https:' ? 443 : 80;
  const instance = port === '' ? `${host}:${usualPort}` : host;
  return { url, labels: { instance, ...labels, job } };
}

function isUrl(text: string): boolean {
  try {
    return new URL(text).hostname !== '';
  } catch {
    return false;
  }
}

/** "All addresses" can be listened on, not connected to; the label stays as it was written. */
function connectHost(host: string): string {
  return host === '0.0.0.0' || /^(0{0,4}:)*:?(0{0,4}:)*0{0,4}$/.test(host) ? 'localhost' : host;
}

/** As Go's net.JoinHostPort. */
function joinHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** As Go's net.SplitHostPort, with an empty host meaning this machine. */
function splitListenAddress(address: string): { host: string; port: number } {
  const parts = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(address);
  if (parts === null) throw addressError('it is not of the form host:port', address);
  if (!/^[0-9]{1,5}$/.test(parts[3])) throw addressError('its port is not a number', address);
  const port = Number(parts[3]);
  if (port < 1 || port > 65535) throw addressError('its port is not from 1 to 65535', address);
  const host = parts[1] ?? parts[2];
  return { host: host === '' ? 'localhost' : host, port };
}

function addressError(reason: string, address: string): CodedError {
  return new CodedError(
    'ERR_LISTEN_ADDRESS',
    `the address on which Mattermost serves its metrics (MetricsSettings.ListenAddress) cannot be used: ${reason}`,
    { found: address },
  );
}
