import React from 'react';

import { useText } from '../../../hooks/use_text.ts';
import type { RangeProblem, Selection } from '../../../utils/range.ts';

interface Props {
  selection: Selection;
  problem: RangeProblem | undefined;
  onChange: (part: Partial<Selection>) => void;
}

const PROBLEM_ID = 'metrics-range-problem';

interface FieldProps {
  id: string;
  label: string;
  value: string;
  isInvalid: boolean;
  onChange: (value: string) => void;
}

function Field({ id, label, value, isInvalid, onChange }: FieldProps) {
  return (
    <div className={isInvalid ? 'metrics-field has-error' : 'metrics-field'}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="form-control"
        type="datetime-local"
        value={value}
        aria-invalid={isInvalid}
        aria-describedby={isInvalid ? PROBLEM_ID : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}

/** Two points in time, in the zone of the browser. */
export function CustomRange({ selection, problem, onChange }: Props) {
  const text = useText();
  return (
    <>
      <div className="metrics-fields">
        <Field
          id="metrics-range-from"
          label={text('metricsPlugin.range.from')}
          value={selection.from}
          isInvalid={problem !== undefined && problem !== 'toMissing'}
          onChange={(from) => onChange({ from })}
        />
        <Field
          id="metrics-range-to"
          label={text('metricsPlugin.range.to')}
          value={selection.to}
          isInvalid={problem === 'toMissing' || problem === 'order'}
          onChange={(to) => onChange({ to })}
        />
      </div>
      <p className="metrics-remark">
        {text('metricsPlugin.range.zone', {
          zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        })}
      </p>
      {problem !== undefined && (
        <p className="metrics-reason" id={PROBLEM_ID} role="alert">
          {text(`metricsPlugin.range.${problem}`)}
        </p>
      )}
    </>
  );
}
