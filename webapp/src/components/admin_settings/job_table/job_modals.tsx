import React, { useRef } from 'react';

import { usePanelDispatch } from '../../../hooks/use_panel.ts';
import { useText } from '../../../hooks/use_text.ts';
import { thunks } from '../../../store/thunks.ts';
import type { Job } from '../../../types/api.ts';
import { Dialogue } from './dialogue.tsx';
import { rangeOfJob } from './job_row.tsx';

interface DeleteJobProps {
  /** The dialogue is open while there is one. */
  job: Job | undefined;
  onClose: () => void;
  onExited: () => void;
}

export function DeleteJobModal({ job, onClose, onExited }: DeleteJobProps) {
  const text = useText();
  const dispatch = usePanelDispatch();
  // While the dialogue fades away it still shows what it was about.
  const shown = useRef<Job>();
  shown.current = job ?? shown.current;
  const about = shown.current;
  if (about === undefined) {
    return null;
  }
  const isUnfinished = about.status === 'pending' || about.status === 'in_progress';
  const range = rangeOfJob(about, text.locale);
  return (
    <Dialogue
      id="metrics-delete-dump"
      show={job !== undefined}
      title={text(isUnfinished ? 'metricsPlugin.cancel.title' : 'metricsPlugin.delete.title')}
      doLabel={text(isUnfinished ? 'metricsPlugin.cancel.do' : 'metricsPlugin.delete.do')}
      doingLabel={text('metricsPlugin.delete.doing')}
      failedTitle={text('metricsPlugin.delete.failed')}
      isDanger={true}
      act={() => dispatch(thunks.deleteDump(about.id))}
      onClose={onClose}
      onExited={onExited}
    >
      <p>
        {text(isUnfinished ? 'metricsPlugin.cancel.text' : 'metricsPlugin.delete.text', { range })}
      </p>
      <p className="metrics-remark">{text('metricsPlugin.delete.keeps')}</p>
    </Dialogue>
  );
}

interface DeleteAllProps {
  show: boolean;
  count: number;
  onClose: () => void;
  onExited: () => void;
}

export function DeleteAllModal({ show, count, onClose, onExited }: DeleteAllProps) {
  const text = useText();
  const dispatch = usePanelDispatch();
  return (
    <Dialogue
      id="metrics-delete-all"
      show={show}
      title={text('metricsPlugin.deleteAll.title')}
      doLabel={text('metricsPlugin.deleteAll.do')}
      doingLabel={text('metricsPlugin.delete.doing')}
      failedTitle={text('metricsPlugin.deleteAll.failed')}
      isDanger={true}
      act={() => dispatch(thunks.deleteAllDumps())}
      onClose={onClose}
      onExited={onExited}
    >
      <p>{text('metricsPlugin.deleteAll.text', { count })}</p>
      <p className="metrics-remark">{text('metricsPlugin.delete.keeps')}</p>
    </Dialogue>
  );
}
