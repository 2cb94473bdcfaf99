import React, { useCallback } from 'react';

import { useNow } from '../../../hooks/use_now.ts';
import { usePanel, usePanelDispatch } from '../../../hooks/use_panel.ts';
import { usePolling } from '../../../hooks/use_polling.ts';
import { useText } from '../../../hooks/use_text.ts';
import { thunks } from '../../../store/thunks.ts';
import type { CustomSettingProps } from '../../../types/mattermost_webapp.ts';
import { FailureNotice } from '../../common/failure_notice.tsx';
import { Section } from '../../common/section.tsx';
import { PageWarnings, Warnings } from '../warnings/warnings.tsx';
import { ClusterTable } from './cluster_table.tsx';
import { Health } from './health.tsx';
import { StoreAge, Synced } from './store_remarks.tsx';
import { Summary } from './summary.tsx';
import { TargetsTable } from './targets_table.tsx';

const POLL_INTERVAL_MS = 15_000;

/** The setting `Stats`: whether metrics are being collected, and how much there is. */
export function TsdbStats({ id }: CustomSettingProps) {
  const text = useText();
  const dispatch = usePanelDispatch();
  const { stats, status, clockAheadMs } = usePanel();
  const nowMs = useNow();

  const load = useCallback(async () => {
    await Promise.all([dispatch(thunks.loadStatus()), dispatch(thunks.loadStats())]);
  }, [dispatch]);
  usePolling(load, POLL_INTERVAL_MS);

  const failure = status.failure ?? stats.failure;
  const isFirstLoad =
    stats.data === undefined && status.data === undefined && failure === undefined;
  const targets = status.data?.targets ?? [];
  return (
    <Section
      id={id}
      title={text('metricsPlugin.stats.title')}
      aside={status.data !== undefined && <Health status={status.data} />}
    >
      {failure !== undefined && (
        <FailureNotice
          title={text('metricsPlugin.stats.failed')}
          failure={failure}
          retrying={status.loading || stats.loading}
          onRetry={() => void load()}
        />
      )}
      <PageWarnings clockAheadMs={clockAheadMs} version={status.data?.version} />
      <Warnings warnings={status.data?.warnings ?? []} />
      {isFirstLoad && <p role="status">{text('metricsPlugin.loading')}</p>}
      {(stats.data !== undefined || status.data !== undefined) && (
        <Summary stats={stats.data} status={status.data} nowMs={nowMs} />
      )}
      {status.data?.cluster !== undefined && (
        <ClusterTable cluster={status.data.cluster} nowMs={nowMs} />
      )}
      {targets.length > 0 && <TargetsTable targets={targets} nowMs={nowMs} />}
      {stats.data !== undefined && <StoreAge stats={stats.data} nowMs={nowMs} />}
      {status.data !== undefined && <Synced status={status.data} nowMs={nowMs} />}
    </Section>
  );
}
