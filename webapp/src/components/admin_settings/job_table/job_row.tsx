import React from 'react';

import { downloadPath } from '../../../client/client.ts';
import { useText } from '../../../hooks/use_text.ts';
import type { Job } from '../../../types/api.ts';
import { formatRange, formatSize, formatUtc } from '../../../utils/format.ts';
import { Badge } from '../../common/badge.tsx';
import { Time } from '../../common/time.tsx';

function JobProgress({ job }: { job: Job }) {
  const text = useText();
  const percent = Math.floor((job.progress ?? 0) * 100);
  return (
    <>
      <Badge kind="busy" label={text('metricsPlugin.job.inProgress', { percent })} />
      {/* Without a value the bar says "working" alone. */}
      <progress
        className="metrics-progress"
        max={100}
        {...(job.progress === undefined ? {} : { value: percent })}
        aria-label={text('metricsPlugin.job.progress')}
      />
    </>
  );
}

function JobState({ job }: { job: Job }) {
  const text = useText();
  switch (job.status) {
    case 'pending':
      return <Badge kind="idle" label={text('metricsPlugin.job.pending')} />;
    case 'in_progress':
      return <JobProgress job={job} />;
    case 'success':
      return <Badge kind="good" label={text('metricsPlugin.job.success')} />;
    case 'error':
      return <Badge kind="bad" label={text('metricsPlugin.job.error')} />;
  }
}

/** The row's range in words, which tells its buttons from those of the other rows. */
export function rangeOfJob(job: Job, locale: string): string {
  return formatRange({ from: job.min_t, to: job.max_t }, locale);
}

export function JobRow({ job, onDelete }: { job: Job; onDelete: (job: Job) => void }) {
  const text = useText();
  const range = rangeOfJob(job, text.locale);
  const isUnfinished = job.status === 'pending' || job.status === 'in_progress';
  return (
    <tr data-job-id={job.id}>
      <td title={`${formatUtc(job.min_t)} – ${formatUtc(job.max_t)}`}>
        {range}
        {job.error !== undefined && (
          <div className={job.status === 'error' ? 'metrics-reason' : 'metrics-remark'}>
            {job.error}
          </div>
        )}
      </td>
      <td className="metrics-nowrap">
        <Time timeMs={job.create_at} />
      </td>
      <td className="metrics-nowrap">
        <JobState job={job} />
      </td>
      <td className="metrics-number">
        {job.size_bytes !== undefined && formatSize(job.size_bytes, text.locale)}
      </td>
      <td>
        <div className="metrics-actions">
          {job.status === 'success' && (
            // A plain link: the browser streams the file to disk and can resume it, whatever its size.
            <a
              className="btn btn-tertiary btn-sm"
              href={downloadPath(job.id)}
              download
              aria-label={text('metricsPlugin.job.downloadOf', { range })}
            >
              {text('metricsPlugin.job.download')}
            </a>
          )}
          <button
            type="button"
            className="btn btn-tertiary btn-danger btn-sm"
            onClick={() => onDelete(job)}
            aria-label={text(
              isUnfinished ? 'metricsPlugin.job.cancelOf' : 'metricsPlugin.job.deleteOf',
              { range },
            )}
          >
            {text(isUnfinished ? 'metricsPlugin.job.cancel' : 'metricsPlugin.job.delete')}
          </button>
        </div>
      </td>
    </tr>
  );
}
