// The settings page of one plugin, built from the settings_schema of its manifest.

import React, { useState } from 'react';
import type { FormEvent, ReactNode } from 'react';

import { CommandBox } from './command-box.tsx';
import { NodesBox } from './nodes-box.tsx';
import type { PluginHost } from './plugin-host.tsx';
import { saveSettings } from './server-api.ts';
import type { ConsoleData, Setting, SettingValue } from './server-api.ts';
import { PlainSetting, Row } from './plain-setting.tsx';

interface Props {
  data: ConsoleData;
  host: PluginHost;
}

interface CustomProps extends Props {
  setting: Setting;
  value: SettingValue;
  onChange: (key: string, value: SettingValue) => void;
}

function CustomSetting({ data, host, setting, value, onChange }: CustomProps) {
  const registered = host.settings.get(setting.key.toLowerCase());
  if (registered === undefined) {
    return (
      <Row label={setting.display_name}>
        <div className="alert alert-warning">
          In order to view this setting, enable the plugin and click Save.
        </div>
      </Row>
    );
  }
  const Component = registered.component;
  const id = `PluginSettings.Plugins.${data.manifest.id.replaceAll('.', '+')}.${setting.key}`;
  const element = (
    <Component
      id={id}
      label={setting.display_name}
      helpText={setting.help_text}
      value={value}
      disabled={false}
      config={data.config}
      license={data.license}
      setByEnv={false}
      onChange={(_id: string, changed: SettingValue) => onChange(setting.key, changed)}
      registerSaveAction={() => undefined}
      unRegisterSaveAction={() => undefined}
      setSaveNeeded={() => undefined}
      cancelSubmit={() => undefined}
      showConfirm={false}
    />
  );
  return registered.showTitle ? <Row label={setting.display_name}>{element}</Row> : element;
}

function EnableSetting(props: { value: boolean; onChange: (value: boolean) => void }) {
  return (
    <Row label="Enable Plugin:">
      {[true, false].map((option) => (
        <label key={String(option)} className="radio-inline">
          <input
            type="radio"
            name="enable-plugin"
            checked={props.value === option}
            onChange={() => props.onChange(option)}
          />
          {String(option)}
        </label>
      ))}
    </Row>
  );
}

function Frame({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="console">
      <nav className="console__sidebar" aria-label="System Console">
        <div className="console__product">System Console</div>
        <div className="console__category">Plugins</div>
        <div className="console__link">{title}</div>
        <NodesBox />
        <CommandBox />
      </nav>
      <main className="admin-console console__main">{children}</main>
    </div>
  );
}

export function SettingsPage({ data, host }: Props) {
  const { manifest, config } = data;
  const stored = config.PluginSettings.Plugins[manifest.id] ?? {};
  const storedEnable = config.PluginSettings.PluginStates[manifest.id]?.Enable ?? data.isActive;
  const [changed, setChanged] = useState<Record<string, SettingValue>>({});
  const [isEnabled, setEnabled] = useState(storedEnable);
  const [message, setMessage] = useState('');
  const [isSaving, setSaving] = useState(false);

  const valueOf = ({ key, default: initial }: Setting) =>
    changed[key.toLowerCase()] ?? stored[key.toLowerCase()] ?? initial ?? '';
  const change = (key: string, value: SettingValue) =>
    setChanged({ ...changed, [key.toLowerCase()]: value });

  const save = async (event: FormEvent) => {
    event.preventDefault();
    setSaving(true);
    try {
      const isSwitched = isEnabled !== storedEnable;
      await saveSettings(manifest, {
        isEnabled: isSwitched ? isEnabled : undefined,
        settings: changed,
      });
      setMessage('Saved.');
      if (isSwitched) {
        window.location.reload();
      }
    } catch (error) {
      setMessage(error instanceof Error ? error.message : String(error));
    } finally {
      setSaving(false);
    }
  };

  return (
    <Frame title={manifest.name}>
      <form className="form-horizontal console__form" onSubmit={(event) => void save(event)}>
        <h1 className="console__header">
          {manifest.name} <small>{manifest.version}</small>
        </h1>
        <div className="console__scroll">
          <div className="console__content">
            <p className="banner">{manifest.settings_schema?.header}</p>
            <EnableSetting value={isEnabled} onChange={setEnabled} />
            {manifest.settings_schema?.settings?.map((setting) => {
              const props = { setting, value: valueOf(setting), onChange: change };
              return setting.type === 'custom' ? (
                <CustomSetting key={setting.key} data={data} host={host} {...props} />
              ) : (
                <PlainSetting key={setting.key} {...props} />
              );
            })}
          </div>
        </div>
        <div className="console__save">
          <button type="submit" className="btn btn-primary" disabled={isSaving}>
            Save
          </button>
          <span role="status">{message}</span>
        </div>
      </form>
    </Frame>
  );
}
