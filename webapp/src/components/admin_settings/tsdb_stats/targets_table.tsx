import React from 'react';

import { useText } from '../../../hooks/use_text.ts';
import type { Target } from '../../../types/api.ts';
import { Badge } from '../../common/badge.tsx';
import { Age } from '../../common/time.tsx';

function TargetState({ target }: { target: Target }) {
  const text = useText();
  if (target.last_scrape_ms === 0) {
    return <Badge kind="idle" label={text('metricsPlugin.target.waiting')} />;
  }
  if (target.absent) {
    return <Badge kind="idle" label={text('metricsPlugin.target.absent')} />;
  }
  return target.up ? (
    <Badge kind="good" label={text('metricsPlugin.target.up')} />
  ) : (
    <Badge kind="bad" label={text('metricsPlugin.target.down')} />
  );
}

function TargetRow({ target, nowMs }: { target: Target; nowMs: number }) {
  const text = useText();
  const { locale } = text;
  const scraped = target.last_scrape_ms > 0;
  return (
    <tr>
      <td>
        <div title={target.url}>{target.instance}</div>
        {target.absent ? (
          <div className="metrics-remark">{text('metricsPlugin.targets.nodeOptional')}</div>
        ) : (
          target.last_error !== '' && <div className="metrics-reason">{target.last_error}</div>
        )}
        {target.refused > 0 && (
          <div className="metrics-reason">
            {text('metricsPlugin.targets.refused', { count: target.refused })}
          </div>
        )}
      </td>
      <td>{target.job}</td>
      <td>
        <TargetState target={target} />
      </td>
      <td className="metrics-nowrap">
        {scraped && <Age timeMs={target.last_scrape_ms} nowMs={nowMs} />}
      </td>
      <td className="metrics-number">
        {scraped && `${Math.round(target.last_duration_ms).toLocaleString(locale)} ms`}
      </td>
      <td className="metrics-number">{scraped && target.samples.toLocaleString(locale)}</td>
    </tr>
  );
}

/** What is scraped, and how it went the last time. */
export function TargetsTable({ targets, nowMs }: { targets: readonly Target[]; nowMs: number }) {
  const text = useText();
  return (
    <div className="metrics-table">
      <table className="table">
        <caption className="sr-only">{text('metricsPlugin.targets.caption')}</caption>
        <thead>
          <tr>
            <th scope="col">{text('metricsPlugin.targets.instance')}</th>
            <th scope="col">{text('metricsPlugin.targets.job')}</th>
            <th scope="col">{text('metricsPlugin.targets.state')}</th>
            <th scope="col">{text('metricsPlugin.targets.lastScrape')}</th>
            <th scope="col" className="metrics-number">
              {text('metricsPlugin.targets.duration')}
            </th>
            <th scope="col" className="metrics-number">
              {text('metricsPlugin.targets.samples')}
            </th>
          </tr>
        </thead>
        <tbody>
          {targets.map((target, index) => (
            // Two targets may look alike: what may be secret in a URL is not shown.
            <TargetRow key={`${target.job} ${target.url} ${index}`} target={target} nowMs={nowMs} />
          ))}
        </tbody>
      </table>
    </div>
  );
}
