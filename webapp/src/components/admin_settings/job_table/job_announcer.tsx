import React, { useEffect, useRef, useState } from 'react';

import { useText } from '../../../hooks/use_text.ts';
import type { Job, JobStatus } from '../../../types/api.ts';

/** Tells screen readers when a dump that was waited for is ready or has failed. */
export function JobAnnouncer({ jobs }: { jobs: readonly Job[] | undefined }) {
  const text = useText();
  const [message, setMessage] = useState('');
  const before = useRef(new Map<string, JobStatus>());

  useEffect(() => {
    const finished = jobs?.find((job) => {
      const status = before.current.get(job.id);
      return status !== undefined && status !== job.status;
    });
    before.current = new Map(jobs?.map((job) => [job.id, job.status]));
    if (finished?.status === 'success') {
      setMessage(text('metricsPlugin.announce.ready'));
    } else if (finished?.cancelled === true) {
      setMessage(text('metricsPlugin.announce.cancelled'));
    } else if (finished?.status === 'error') {
      setMessage(text('metricsPlugin.announce.failed'));
    }
  }, [jobs]);

  return (
    <div className="sr-only" role="status">
      {message}
    </div>
  );
}
