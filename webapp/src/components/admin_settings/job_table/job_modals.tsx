import React, { useRef } from 'react';

import { usePanelDispatch } from '../../../hooks/use_panel.ts';
import { useText } from '../../../hooks/use_text.ts';
import { thunks } from '../../../store/thunks.ts';
import type { Job } from '../../../types/api.ts';
import { Dialogue } from './dialogue.tsx';
import { rangeOfJob } from './job_row.tsx';
import type { JobDeed } from './job_row.tsx';

const DEEDS = {
  cancel: {
    title: 'metricsPlugin.cancel.title',
    question: 'metricsPlugin.cancel.text',
    remark: 'metricsPlugin.cancel.keeps',
    closeLabel: 'metricsPlugin.cancel.close',
    doLabel: 'metricsPlugin.cancel.do',
    doingLabel: 'metricsPlugin.cancel.doing',
    failedTitle: 'metricsPlugin.cancel.failed',
    act: thunks.cancelDump,
  },
  delete: {
    title: 'metricsPlugin.delete.title',
    question: 'metricsPlugin.delete.text',
    remark: 'metricsPlugin.delete.keeps',
    closeLabel: 'metricsPlugin.close',
    doLabel: 'metricsPlugin.delete.do',
    doingLabel: 'metricsPlugin.delete.doing',
    failedTitle: 'metricsPlugin.delete.failed',
    act: thunks.deleteDump,
  },
} as const;

interface JobModalProps {
  deed: JobDeed;
  /** The dialogue is open while there is one. */
  job: Job | undefined;
  onClose: () => void;
  onExited: () => void;
}

/** Asks before a dump is stopped or deleted, and does it. */
export function JobModal({ deed, job, onClose, onExited }: JobModalProps) {
  const text = useText();
  const dispatch = usePanelDispatch();
  // While the dialogue fades away it still shows what it was about.
  const shown = useRef<Job>();
  shown.current = job ?? shown.current;
  const about = shown.current;
  if (about === undefined) {
    return null;
  }
  const { title, question, remark, act, ...labels } = DEEDS[deed];
  return (
    <Dialogue
      id={`metrics-${deed}-dump`}
      show={job !== undefined}
      title={text(title)}
      doLabel={text(labels.doLabel)}
      doingLabel={text(labels.doingLabel)}
      closeLabel={text(labels.closeLabel)}
      failedTitle={text(labels.failedTitle)}
      isDanger={true}
      act={() => dispatch(act(about.id))}
      onClose={onClose}
      onExited={onExited}
    >
      <p>{text(question, { range: rangeOfJob(about, text.locale) })}</p>
      <p className="metrics-remark">{text(remark)}</p>
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
