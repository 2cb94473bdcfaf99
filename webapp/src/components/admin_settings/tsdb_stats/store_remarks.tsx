import React from 'react';

import { useText } from '../../../hooks/use_text.ts';
import type { PluginStatus, TsdbStats } from '../../../types/api.ts';
import { Age } from '../../common/time.tsx';

/** Figures that are no older count as those of now. */
const FRESH_MS = 60_000;

/** Says how old the figures of the file store are, when it does not answer. */
export function StoreAge({ stats, nowMs }: { stats: TsdbStats; nowMs: number }) {
  const text = useText();
  const asOf = stats.as_of;
  if (asOf === undefined || (asOf > 0 && nowMs - asOf < FRESH_MS)) {
    return null;
  }
  return (
    <p className="metrics-remark" role="status">
      {asOf === 0 ? (
        text('metricsPlugin.stats.storeUnknown')
      ) : (
        <>
          {text('metricsPlugin.stats.storeAsOf')} <Age timeMs={asOf} nowMs={nowMs} />
        </>
      )}
    </p>
  );
}

/** When something was last copied to the file store, and when there was nothing to copy. */
export function Synced({ status, nowMs }: { status: PluginStatus; nowMs: number }) {
  const text = useText();
  const { lastSyncMs, lastCopiedMs = lastSyncMs } = status;
  return (
    <>
      {lastCopiedMs > 0 && (
        <p className="metrics-remark">
          {text('metricsPlugin.stats.synced')} <Age timeMs={lastCopiedMs} nowMs={nowMs} />
        </p>
      )}
      {lastSyncMs > lastCopiedMs && (
        <p className="metrics-remark">
          {text('metricsPlugin.stats.nothingToCopy')} <Age timeMs={lastSyncMs} nowMs={nowMs} />
        </p>
      )}
    </>
  );
}
