import React, { useEffect, useState } from 'react';

import { usePanel, usePanelDispatch } from '../../../hooks/use_panel.ts';
import { useText } from '../../../hooks/use_text.ts';
import { collectedRange } from '../../../store/selectors.ts';
import { thunks } from '../../../store/thunks.ts';
import { formatRange } from '../../../utils/format.ts';
import { PRESETS, rangeOf, toInput } from '../../../utils/range.ts';
import type { Choice, RangeProblem, Selection } from '../../../utils/range.ts';
import { CustomRange } from './custom_range.tsx';
import { Dialogue } from './dialogue.tsx';

const CHOICES: readonly Choice[] = ['hour', 'sixHours', 'day', 'threeDays', 'all', 'custom'];

interface ChoiceListProps {
  choice: Choice;
  isAllKnown: boolean;
  onChoose: (choice: Choice) => void;
}

function ChoiceList({ choice, isAllKnown, onChoose }: ChoiceListProps) {
  const text = useText();
  return (
    <fieldset className="metrics-choices">
      <legend>{text('metricsPlugin.create.legend')}</legend>
      {CHOICES.map((offered) => (
        <label key={offered} className="metrics-choice">
          <input
            type="radio"
            name="metrics-dump-range"
            value={offered}
            checked={choice === offered}
            disabled={offered === 'all' && !isAllKnown}
            onChange={() => onChoose(offered)}
          />{' '}
          {text(`metricsPlugin.create.${offered}`)}
        </label>
      ))}
    </fieldset>
  );
}

function FormatChoice({ isZip, onChange }: { isZip: boolean; onChange: (isZip: boolean) => void }) {
  const text = useText();
  return (
    <label className="metrics-choice">
      <input type="checkbox" checked={isZip} onChange={(event) => onChange(event.target.checked)} />{' '}
      {text('metricsPlugin.create.zip')}
    </label>
  );
}

/** Asks for the range of a dump and has it made. */
export function CreateDumpModal({ show, onClose }: { show: boolean; onClose: () => void }) {
  const text = useText();
  const dispatch = usePanelDispatch();
  const { stats, status, clockAheadMs } = usePanel();
  const [selection, setSelection] = useState<Selection>({ choice: 'threeDays', from: '', to: '' });
  const [problem, setProblem] = useState<RangeProblem>();
  const [isZip, setIsZip] = useState(false);
  const collected = collectedRange(stats.data, status.data);

  useEffect(() => {
    if (show) {
      const nowMs = Date.now();
      setProblem(undefined);
      setSelection({
        choice: 'threeDays',
        from: toInput(nowMs - PRESETS.day),
        to: toInput(nowMs),
      });
      // The range on offer is that of now, and the table of statistics may not be on the page.
      void dispatch(thunks.loadStats());
    }
  }, [show, dispatch]);

  const change = (part: Partial<Selection>) => {
    setProblem(undefined);
    setSelection({ ...selection, ...part });
  };
  const create = () => {
    const range = rangeOf(selection, Date.now() + clockAheadMs, collected);
    if (typeof range === 'string') {
      setProblem(range);
      return 'invalid';
    }
    return dispatch(thunks.createDump(range, isZip ? 'zip' : 'tar.gz'));
  };

  return (
    <Dialogue
      id="metrics-create-dump"
      show={show}
      title={text('metricsPlugin.create.title')}
      doLabel={text('metricsPlugin.create.do')}
      doingLabel={text('metricsPlugin.create.doing')}
      failedTitle={text('metricsPlugin.create.failed')}
      act={create}
      onClose={onClose}
    >
      <p className="metrics-remark">
        {collected === undefined
          ? text('metricsPlugin.create.nothing')
          : text('metricsPlugin.create.available', { range: formatRange(collected, text.locale) })}
      </p>
      <ChoiceList
        choice={selection.choice}
        isAllKnown={collected !== undefined}
        onChoose={(choice) => change({ choice })}
      />
      {selection.choice === 'custom' && (
        <CustomRange selection={selection} problem={problem} onChange={change} />
      )}
      {selection.choice !== 'custom' && problem !== undefined && (
        <p className="metrics-reason" role="alert">
          {text(`metricsPlugin.range.${problem}`)}
        </p>
      )}
      <FormatChoice isZip={isZip} onChange={setIsZip} />
    </Dialogue>
  );
}
