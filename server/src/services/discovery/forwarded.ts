type Labels = readonly (readonly [name: string, value: string])[];

/**
 * Tells series that the Mattermost server (11.8 and later, flag AggregatePluginMetrics) copies from
 * plugins into its own answer, with the label `plugin_id`: those of `pluginIds` we scrape ourselves
 * and would have twice. The server's own series about plugins have that label too and are kept.
 */
export function forwardedFrom(pluginIds: readonly string[]): (labels: Labels) => boolean {
  return (labels) => {
    const plugin = labels.find(([name]) => name === 'plugin_id');
    if (plugin === undefined || !pluginIds.includes(plugin[1])) return false;
    const [, metric = ''] = labels.find(([name]) => name === '__name__') ?? [];
    return !SERVER_METRIC.test(metric);
  };
}

/** As in the server's enterprise/metrics/metrics.go. */
const SERVER_METRIC = /^mattermost_plugin_(hook|multi_hook|multi_hook_server|api)_time(_|$)/;
