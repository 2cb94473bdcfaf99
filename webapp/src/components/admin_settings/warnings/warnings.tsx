import React from 'react';

import { serverPath } from '../../../client/client.ts';
import { useText } from '../../../hooks/use_text.ts';
import { pluginVersion } from '../../../manifest.ts';
import type { Warning } from '../../../types/api.ts';
import { Notice } from '../../common/notice.tsx';

// Beyond this the ages on the page and the ends of a chosen range would mislead.
const CLOCK_DIFFERENCE_MAX_MS = 60_000;

// Where in the System Console a warning can be dealt with, by its code.
const METRICS_PAGE = '/admin_console/environment/performance_monitoring';
const LICENSE_PAGE = '/admin_console/about/license';
const FILES_PAGE = '/admin_console/environment/file_storage';
const PAGES: Readonly<Record<string, string | undefined>> = {
  metrics_disabled: METRICS_PAGE,
  server_not_scraped: METRICS_PAGE,
  license_missing: LICENSE_PAGE,
  file_store_unavailable: FILES_PAGE,
  file_store_unsupported: FILES_PAGE,
};

function PageLink({ code }: { code: string }) {
  const text = useText();
  const page = PAGES[code];
  if (page === undefined) {
    return null;
  }
  return (
    <a className="btn btn-tertiary btn-sm" href={serverPath(page)}>
      {text('metricsPlugin.warning.open')}
    </a>
  );
}

/** What stands in the way of collecting or of dumps, as the plugin tells it. */
export function Warnings({ warnings }: { warnings: readonly Warning[] }) {
  return (
    <>
      {warnings.map((warning) => (
        <Notice
          key={`${warning.code} ${warning.message}`}
          kind="warning"
          title={warning.message}
          action={<PageLink code={warning.code} />}
        >
          {warning.action}
        </Notice>
      ))}
    </>
  );
}

/** What only the browser can see: that its own clock or its copy of the panel is off. */
export function PageWarnings(props: { clockAheadMs: number; version: string | undefined }) {
  const text = useText();
  const minutes = Math.round(Math.abs(props.clockAheadMs) / 60_000);
  const isUpdated = props.version !== undefined && !['', pluginVersion].includes(props.version);
  return (
    <>
      {Math.abs(props.clockAheadMs) > CLOCK_DIFFERENCE_MAX_MS && (
        <Notice kind="warning" title={text('metricsPlugin.clock.title', { minutes })}>
          {text('metricsPlugin.clock.advice')}
        </Notice>
      )}
      {isUpdated && (
        <Notice
          kind="info"
          title={text('metricsPlugin.updated.title', { version: props.version ?? '' })}
          action={
            <button
              type="button"
              className="btn btn-tertiary btn-sm"
              onClick={() => window.location.reload()}
            >
              {text('metricsPlugin.updated.reload')}
            </button>
          }
        />
      )}
    </>
  );
}
