import React from 'react';
import type { ReactNode } from 'react';

import type { Setting, SettingValue } from './server-api.ts';

interface RowProps {
  label: string | undefined;
  helpText?: string | undefined;
  inputId?: string;
  children: ReactNode;
}

/** A setting as the console lays it out: label at the left, input and explanation at the right. */
export function Row({ label, helpText, inputId, children }: RowProps) {
  return (
    <div className="form-group">
      <label className="control-label col-sm-4" htmlFor={inputId}>
        {label}
      </label>
      <div className="col-sm-8">
        {children}
        {helpText !== undefined && <div className="help-text">{helpText}</div>}
      </div>
    </div>
  );
}

interface Props {
  setting: Setting;
  value: SettingValue;
  onChange: (key: string, value: SettingValue) => void;
}

function Input({ id, setting, value, onChange }: Props & { id: string }) {
  const change = (changed: SettingValue) => onChange(setting.key, changed);
  switch (setting.type) {
    case 'bool':
      return (
        <input
          id={id}
          type="checkbox"
          checked={value === true}
          onChange={(event) => change(event.target.checked)}
        />
      );
    case 'dropdown':
    case 'radio':
      return (
        <select
          id={id}
          className="form-control"
          value={String(value)}
          onChange={(event) => change(event.target.value)}
        >
          {setting.options?.map((option) => (
            <option key={option.value} value={option.value}>
              {option.display_name}
            </option>
          ))}
        </select>
      );
    case 'longtext':
      return (
        <textarea
          id={id}
          className="form-control"
          rows={5}
          value={String(value)}
          onChange={(event) => change(event.target.value)}
        />
      );
    default:
      return (
        <input
          id={id}
          className="form-control"
          type={setting.type === 'number' ? 'number' : 'text'}
          placeholder={setting.placeholder}
          value={String(value)}
          onChange={(event) =>
            change(setting.type === 'number' ? Number(event.target.value) : event.target.value)
          }
        />
      );
  }
}

export function PlainSetting(props: Props) {
  const id = `setting.${props.setting.key}`;
  return (
    <Row label={props.setting.display_name} helpText={props.setting.help_text} inputId={id}>
      <Input id={id} {...props} />
    </Row>
  );
}
