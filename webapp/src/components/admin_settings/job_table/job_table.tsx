import React, { useCallback, useRef, useState } from 'react';
import type { Ref } from 'react';

import { usePanel, usePanelDispatch } from '../../../hooks/use_panel.ts';
import { usePolling } from '../../../hooks/use_polling.ts';
import { useText } from '../../../hooks/use_text.ts';
import { hasUnfinishedJob } from '../../../store/selectors.ts';
import { thunks } from '../../../store/thunks.ts';
import type { Job } from '../../../types/api.ts';
import type { CustomSettingProps } from '../../../types/mattermost_webapp.ts';
import { FailureNotice } from '../../common/failure_notice.tsx';
import { Section } from '../../common/section.tsx';
import { CreateDumpModal } from './create_dump_modal.tsx';
import { JobAnnouncer } from './job_announcer.tsx';
import { DeleteAllModal, JobModal } from './job_modals.tsx';
import { JobRow } from './job_row.tsx';
import type { JobDeed } from './job_row.tsx';

/** A list that is older says so. */
const OLD_MS = 60_000;
const POLL_INTERVAL_MS = 15_000;
const POLL_INTERVAL_BUSY_MS = 2_000;

type Dialogue = { kind: 'create' } | { kind: JobDeed; job: Job } | { kind: 'deleteAll' };

const JOB_DEEDS: readonly JobDeed[] = ['cancel', 'delete'];

interface RowsProps {
  jobs: readonly Job[];
  onEnd: (deed: JobDeed, job: Job) => void;
}

function Rows({ jobs, onEnd }: RowsProps) {
  const text = useText();
  return (
    <div className="metrics-table">
      <table className="table" data-testid="jobTable">
        <caption className="sr-only">{text('metricsPlugin.jobs.title')}</caption>
        <thead>
          <tr>
            <th scope="col">{text('metricsPlugin.jobs.range')}</th>
            <th scope="col">{text('metricsPlugin.jobs.created')}</th>
            <th scope="col">{text('metricsPlugin.jobs.status')}</th>
            <th scope="col" className="metrics-number">
              {text('metricsPlugin.jobs.size')}
            </th>
            <th scope="col">
              <span className="sr-only">{text('metricsPlugin.jobs.actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <JobRow key={job.id} job={job} onEnd={onEnd} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface ActionsProps {
  hasJobs: boolean;
  createButton: Ref<HTMLButtonElement>;
  onOpen: (dialogue: Dialogue) => void;
}

function Actions({ hasJobs, createButton, onOpen }: ActionsProps) {
  const text = useText();
  return (
    <div className="metrics-actions">
      {hasJobs && (
        <button
          type="button"
          className="btn btn-tertiary btn-danger"
          onClick={() => onOpen({ kind: 'deleteAll' })}
        >
          {text('metricsPlugin.jobs.deleteAll')}
        </button>
      )}
      <button
        type="button"
        className="btn btn-primary"
        ref={createButton}
        onClick={() => onOpen({ kind: 'create' })}
      >
        {text('metricsPlugin.jobs.create')}
      </button>
    </div>
  );
}

/** The setting `Dumps`: makes dumps of what was collected, and hands them out. */
export function JobTable({ id }: CustomSettingProps) {
  const text = useText();
  const dispatch = usePanelDispatch();
  const { jobs } = usePanel();
  const [dialogue, setDialogue] = useState<Dialogue>();
  const createButton = useRef<HTMLButtonElement>(null);

  const load = useCallback(() => dispatch(thunks.loadJobs()), [dispatch]);
  const list = jobs.data ?? [];
  usePolling(load, hasUnfinishedJob(list) ? POLL_INTERVAL_BUSY_MS : POLL_INTERVAL_MS);

  const close = () => setDialogue(undefined);
  // The dialogue gives the focus back to the button that opened it, which goes with its row.
  const keepFocus = () => {
    if (document.activeElement === null || document.activeElement === document.body) {
      createButton.current?.focus();
    }
  };
  return (
    <Section
      id={id}
      title={text('metricsPlugin.jobs.title')}
      aside={<Actions hasJobs={list.length > 0} createButton={createButton} onOpen={setDialogue} />}
    >
      {jobs.failure !== undefined && (
        <FailureNotice
          title={text('metricsPlugin.jobs.failed')}
          failure={jobs.failure}
          retrying={jobs.loading}
          onRetry={() => void load()}
        />
      )}
      {jobs.ageMs !== undefined && jobs.ageMs >= OLD_MS && (
        <p className="metrics-remark" role="status">
          {text('metricsPlugin.jobs.asOf', { minutes: Math.round(jobs.ageMs / OLD_MS) })}
        </p>
      )}
      {jobs.data === undefined && jobs.failure === undefined && (
        <p role="status">{text('metricsPlugin.loading')}</p>
      )}
      {jobs.data !== undefined && list.length === 0 && (
        <p className="metrics-empty">{text('metricsPlugin.jobs.empty')}</p>
      )}
      {list.length > 0 && <Rows jobs={list} onEnd={(kind, job) => setDialogue({ kind, job })} />}
      <JobAnnouncer jobs={jobs.data} />
      <CreateDumpModal show={dialogue?.kind === 'create'} onClose={close} />
      {JOB_DEEDS.map((deed) => (
        <JobModal
          key={deed}
          deed={deed}
          job={dialogue?.kind === deed ? dialogue.job : undefined}
          onClose={close}
          onExited={keepFocus}
        />
      ))}
      <DeleteAllModal
        show={dialogue?.kind === 'deleteAll'}
        count={list.length}
        onClose={close}
        onExited={keepFocus}
      />
    </Section>
  );
}
