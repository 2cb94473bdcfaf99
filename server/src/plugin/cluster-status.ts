import type { ClusterOverview } from '../httpapi/status.ts';
import type { InstanceReport } from '../services/cluster/instances.ts';
import type { ClusterView } from './cluster.ts';

/** The instance that scrapes when it is another one than that which answers. */
export function otherScraper(view: ClusterView | undefined): InstanceReport | undefined {
  const id = view?.scraper?.instance;
  if (view === undefined || id === view.instance) return undefined;
  return view.instances.find(({ instance }) => instance === id);
}

/** For the route; undefined outside of a cluster. */
export function clusterOverview(view: ClusterView | undefined): ClusterOverview | undefined {
  if (view === undefined) return undefined;
  const { instance: own, node, scraper } = view;
  // A report outlives its instance by a minute; the lease knows better who scrapes.
  const instances = view.instances.map((instance) => {
    const isLost = instance.role === 'scraper' && instance.instance !== scraper?.instance;
    return isLost ? { ...instance, role: 'lost', sinceMs: 0 } : instance;
  });
  return { instance: own, node, scraper, instances, reported: otherScraper(view) };
}
