// The few routes of the Mattermost server that the settings page of a plugin needs.

export interface Setting {
  key: string;
  type: string;
  display_name?: string;
  help_text?: string;
  placeholder?: string;
  default?: string | number | boolean;
  options?: { display_name: string; value: string }[];
}

export interface Manifest {
  id: string;
  name: string;
  version: string;
  settings_schema?: { header?: string; footer?: string; settings?: Setting[] };
}

export type SettingValue = string | number | boolean;

export interface Config {
  PluginSettings: {
    Plugins: Record<string, Record<string, SettingValue> | undefined>;
    PluginStates: Record<string, { Enable: boolean } | undefined>;
  };
}

interface PluginLists {
  active: Manifest[];
  inactive: Manifest[];
}

export interface ConsoleData {
  manifest: Manifest;
  isActive: boolean;
  bundlePath: string | undefined;
  config: Config;
  license: Record<string, string>;
}

/** The sub-path that the server is reached under; this page lies in `<base>/console/`. */
export function basePath(): string {
  return window.location.pathname.replace(/\/console(\/.*)?$/, '');
}

async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  const token = /(?:^|; )MMCSRF=([^;]*)/.exec(document.cookie)?.[1] ?? '';
  const headers = { 'X-Requested-With': 'XMLHttpRequest', 'X-CSRF-Token': token };
  const response = await fetch(basePath() + path, { ...init, headers });
  const body: unknown = await response.json();
  if (!response.ok) {
    const hasMessage = typeof body === 'object' && body !== null && 'message' in body;
    throw new Error(hasMessage ? String(body.message) : `HTTP ${response.status}`);
  }
  // The server of this page is written for it: its answers have the shape in README.md.
  return body as T;
}

export async function loadConsole(): Promise<ConsoleData> {
  const [plugins, bundles, config, license] = await Promise.all([
    request<PluginLists>('/api/v4/plugins'),
    request<{ id: string; webapp: { bundle_path: string } }[]>('/api/v4/plugins/webapp'),
    request<Config>('/api/v4/config'),
    request<Record<string, string>>('/api/v4/license/client?format=old'),
  ]);
  const manifest = plugins.active[0] ?? plugins.inactive[0];
  if (manifest === undefined) {
    throw new Error('The server has no plugin.');
  }
  return {
    manifest,
    isActive: plugins.active.length > 0,
    bundlePath: bundles.find(({ id }) => id === manifest.id)?.webapp.bundle_path,
    config,
    license,
  };
}

export interface Changes {
  isEnabled: boolean | undefined;
  settings: Record<string, SettingValue>;
}

export function saveSettings(manifest: Manifest, changes: Changes): Promise<Config> {
  const states =
    changes.isEnabled === undefined
      ? {}
      : { PluginStates: { [manifest.id]: { Enable: changes.isEnabled } } };
  const patch = { PluginSettings: { Plugins: { [manifest.id]: changes.settings }, ...states } };
  return request<Config>('/api/v4/config/patch', { method: 'PUT', body: JSON.stringify(patch) });
}

/** One server of a stand-in cluster. */
export interface NodeState {
  name: string;
  url: string;
  state: string;
  faults: string[];
}

export function loadNodes(): Promise<NodeState[]> {
  return request<NodeState[]>('/devhost/nodes');
}

/** Breaks or mends something on a node; how all are afterwards. */
export function performOnNode(node: string, action: string): Promise<NodeState[]> {
  const init = { method: 'POST', body: JSON.stringify({ node, action }) };
  return request<NodeState[]>('/devhost/nodes', init);
}

/** What the command answered, as text. */
export async function executeCommand(command: string): Promise<string> {
  const init = { method: 'POST', body: JSON.stringify({ command }) };
  const { text } = await request<{ text: string }>('/api/v4/commands/execute', init);
  return text;
}
