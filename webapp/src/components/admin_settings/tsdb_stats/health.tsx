import React from 'react';

import { useText } from '../../../hooks/use_text.ts';
import type { PluginStatus, Target } from '../../../types/api.ts';
import { Badge } from '../../common/badge.tsx';

// The Mattermost servers themselves. Others, as node_exporter, are asked for whether they exist or not,
// so the plugin is well without them; the table shows them, and a warning tells when one was lost.
const SERVER_JOB = 'prometheus';
/** The warning that storage does not take what the targets answer. */
const STORING_FAILED = 'storing_failed';

function essential(targets: readonly Target[]): readonly Target[] {
  const servers = targets.filter((target) => target.job === SERVER_JOB);
  return servers.length > 0 ? servers : targets;
}

/** The answer to the first question: does it collect? */
export function Health({ status }: { status: PluginStatus }) {
  const text = useText();
  const targets = essential(status.targets);
  const scraped = targets.filter((target) => target.last_scrape_ms > 0);
  const up = scraped.filter((target) => target.up).length;
  if (status.isStarting || (targets.length > 0 && scraped.length === 0)) {
    return <Badge kind="idle" label={text('metricsPlugin.health.starting')} />;
  }
  if (status.warnings.some(({ code }) => code === STORING_FAILED)) {
    return <Badge kind="bad" label={text('metricsPlugin.health.notStored')} />;
  }
  if (status.isStalled) {
    return <Badge kind="bad" label={text('metricsPlugin.health.stalled')} />;
  }
  if (targets.length === 0) {
    return <Badge kind="idle" label={text('metricsPlugin.health.off')} />;
  }
  if (up === 0) {
    return <Badge kind="bad" label={text('metricsPlugin.health.down')} />;
  }
  return up === scraped.length ? (
    <Badge kind="good" label={text('metricsPlugin.health.collecting')} />
  ) : (
    <Badge kind="busy" label={text('metricsPlugin.health.partly', { up, all: scraped.length })} />
  );
}
