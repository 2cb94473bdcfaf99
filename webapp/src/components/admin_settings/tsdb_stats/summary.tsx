import React from 'react';
import type { ReactNode } from 'react';

import { useText } from '../../../hooks/use_text.ts';
import { collectedRange } from '../../../store/selectors.ts';
import type { PluginStatus, TsdbStats } from '../../../types/api.ts';
import { Age, Time } from '../../common/time.tsx';

interface Props {
  stats: TsdbStats | undefined;
  status: PluginStatus | undefined;
  nowMs: number;
}

function Figure(props: { name: string; children: ReactNode; note?: ReactNode }) {
  return (
    <div className="metrics-figure">
      <dt>{props.name}</dt>
      <dd>
        <div className="metrics-figure__value">{props.children}</div>
        <div className="metrics-figure__note">{props.note}</div>
      </dd>
    </div>
  );
}

/** How much has been collected and from when to when. */
export function Summary({ stats, status, nowMs }: Props) {
  const text = useText();
  const range = collectedRange(stats, status);
  const count = (value: number | undefined) =>
    value === undefined ? '–' : value.toLocaleString(text.locale);
  const head = status?.head;
  const series = head === undefined ? stats?.num_series : (head.scraped_series ?? head.series);
  const mostSeries = Math.max(0, stats?.num_series ?? 0);
  return (
    <dl className="metrics-figures">
      <Figure
        name={text('metricsPlugin.stats.newest')}
        note={range !== undefined && <Time timeMs={range.to} />}
      >
        {range === undefined ? (
          text('metricsPlugin.stats.none')
        ) : (
          <Age timeMs={range.to} nowMs={nowMs} />
        )}
      </Figure>
      <Figure
        name={text('metricsPlugin.stats.oldest')}
        note={range !== undefined && <Time timeMs={range.from} />}
      >
        {range === undefined ? (
          text('metricsPlugin.stats.none')
        ) : (
          <Age timeMs={range.from} nowMs={nowMs} />
        )}
      </Figure>
      <Figure
        name={text('metricsPlugin.stats.samples')}
        note={head !== undefined && text('metricsPlugin.stats.inHead', { count: head.samples })}
      >
        {count(stats?.num_samples)}
      </Figure>
      <Figure
        name={text('metricsPlugin.stats.series')}
        note={
          series !== undefined &&
          mostSeries > series &&
          text('metricsPlugin.stats.inBlock', { count: mostSeries })
        }
      >
        {count(series)}
      </Figure>
    </dl>
  );
}
