import React from 'react';

import { useText } from '../../../hooks/use_text.ts';
import type { Cluster, ClusterInstance } from '../../../types/api.ts';
import { Badge } from '../../common/badge.tsx';
import { Age, Time } from '../../common/time.tsx';

function Role({ role }: { role: string }) {
  const text = useText();
  switch (role) {
    case 'scraper':
      return <Badge kind="good" label={text('metricsPlugin.cluster.scrapes')} />;
    case 'waiting':
      return <Badge kind="idle" label={text('metricsPlugin.cluster.standsBy')} />;
    case 'lapsed':
      return <Badge kind="bad" label={text('metricsPlugin.cluster.lapsed')} />;
    case 'lost':
      return <Badge kind="bad" label={text('metricsPlugin.cluster.lost')} />;
    default:
      return <Badge kind="idle" label={text('metricsPlugin.cluster.starting')} />;
  }
}

interface RowProps {
  instance: ClusterInstance;
  isHere: boolean;
  nowMs: number;
}

function InstanceRow({ instance, isHere, nowMs }: RowProps) {
  const text = useText();
  return (
    <tr>
      <td>
        <div>{instance.node}</div>
        {isHere && <div className="metrics-remark">{text('metricsPlugin.cluster.here')}</div>}
      </td>
      <td>
        <Role role={instance.role} />
      </td>
      <td className="metrics-nowrap">
        {instance.since_ms > 0 && <Time timeMs={instance.since_ms} />}
      </td>
      <td>{instance.version}</td>
      <td className="metrics-nowrap">
        <Age timeMs={instance.reported_ms} nowMs={nowMs} />
      </td>
    </tr>
  );
}

/** Which node of the cluster scrapes since when, and which stand by. */
export function ClusterTable({ cluster, nowMs }: { cluster: Cluster; nowMs: number }) {
  const text = useText();
  return (
    <div className="metrics-table">
      {cluster.scraper === undefined && (
        <p role="status">{text('metricsPlugin.cluster.noScraper')}</p>
      )}
      <table className="table">
        <caption className="sr-only">{text('metricsPlugin.cluster.caption')}</caption>
        <thead>
          <tr>
            <th scope="col">{text('metricsPlugin.cluster.node')}</th>
            <th scope="col">{text('metricsPlugin.cluster.role')}</th>
            <th scope="col">{text('metricsPlugin.cluster.since')}</th>
            <th scope="col">{text('metricsPlugin.cluster.version')}</th>
            <th scope="col">{text('metricsPlugin.cluster.reported')}</th>
          </tr>
        </thead>
        <tbody>
          {cluster.instances.map((instance) => (
            <InstanceRow
              key={instance.id}
              instance={instance}
              isHere={instance.id === cluster.id}
              nowMs={nowMs}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}
