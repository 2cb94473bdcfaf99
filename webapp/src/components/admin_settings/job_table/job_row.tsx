import React from 'react';

import { downloadPath } from '../../../client/client.ts';
import { useText } from '../../../hooks/use_text.ts';
import { isUnfinished } from '../../../store/selectors.ts';
import type { Job } from '../../../types/api.ts';
import { formatRange, formatSize, formatUtc } from '../../../utils/format.ts';
import { Badge } from '../../common/badge.tsx';
import { Time } from '../../common/time.tsx';

/** What can be done to end a dump: one under way is stopped, one that has ended is removed. */
export type JobDeed = 'cancel' | 'delete';

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
      return job.cancelled === true ? (
        <Badge kind="idle" label={text('metricsPlugin.job.cancelled')} />
      ) : (
        <Badge kind="bad" label={text('metricsPlugin.job.error')} />
      );
  }
}

/** The row's range in words, which tells its buttons from those of the other rows. */
export function rangeOfJob(job: Job, locale: string): string {
  return formatRange({ from: job.min_t, to: job.max_t }, locale);
}

interface JobRowProps {
  job: Job;
  onEnd: (deed: JobDeed, job: Job) => void;
}

export function JobRow({ job, onEnd }: JobRowProps) {
  const text = useText();
  const range = rangeOfJob(job, text.locale);
  // A dump that is stopped stays with its reason, until it is deleted like the others.
  const deed = isUnfinished(job) ? 'cancel' : 'delete';
  const hasFailed = job.status === 'error' && job.cancelled !== true;
  return (
    <tr data-job-id={job.id}>
      <td title={`${formatUtc(job.min_t)} – ${formatUtc(job.max_t)}`}>
        {range}
        {job.error !== undefined && (
          <div className={hasFailed ? 'metrics-reason' : 'metrics-remark'}>{job.error}</div>
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
            onClick={() => onEnd(deed, job)}
            aria-label={text(`metricsPlugin.job.${deed}Of`, { range })}
          >
            {text(`metricsPlugin.job.${deed}`)}
          </button>
        </div>
      </td>
    </tr>
  );
}
