import type { ClusterOverview } from '../httpapi/status.ts';
import type { InstanceReport } from '../services/cluster/instances.ts';
import type { ClusterView } from './cluster.ts';

/** The instance that scrapes when it is another one than that which answers. */
export function otherScraper(view: ClusterView | undefined): InstanceReport | undefined {
  return view?.instances.find(
    ({ role, instance }) => role === 'scraper' && instance !== view.instance,
  );
}

/** For the route; undefined outside of a cluster. */
export function clusterOverview(view: ClusterView | undefined): ClusterOverview | undefined {
  if (view === undefined) return undefined;
  const { node, scraper, instances } = view;
  return { node, scraper, instances, reported: otherScraper(view) };
}
