import { Client4 } from '@mattermost/client';
import type { CommandResponse } from '@mattermost/types/integrations';
import type { UserProfile } from '@mattermost/types/users';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

import { pluginId } from '../support/repository.ts';
import { waitUntil } from '../support/wait.ts';

const password = 'Thr0w-away!';

/** `model.PluginState…` of the server. */
export const pluginState = { notRunning: 0, running: 2 } as const;

/** A person with a session of the server, as the web app keeps one. */
export class Person {
  readonly client = new Client4();
  readonly user: UserProfile;

  protected constructor(client: Client4, user: UserProfile) {
    this.client = client;
    this.user = user;
  }

  /** Signs up, the first person ever as system administrator, and in. */
  static async signUp(url: string, username: string): Promise<Person> {
    const client = new Client4();
    client.setUrl(url);
    const profile = { username, password, email: `${username}@example.com` };
    // The type asks for the whole profile, of which the server wants these three.
    await client.createUser(profile as UserProfile & { password: string }, '', '');
    return new Person(client, await client.login(username, password));
  }

  /** Signs in to another server over the same database. */
  static async signIn(url: string, username: string): Promise<Person> {
    const client = new Client4();
    client.setUrl(url);
    return new Person(client, await client.login(username, password));
  }

  /** One request to a route of the plugin, with this person's session. */
  plugin(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('Authorization', `Bearer ${this.client.getToken()}`);
    return fetch(`${this.client.getUrl()}/plugins/${pluginId}${path}`, { ...init, headers });
  }

  /** A session as a browser has it: cookies, and the token that the web app sends along with changes. */
  async browserSession(): Promise<{ cookie: string; csrf: string }> {
    const login = { login_id: this.user.username, password };
    const url = `${this.client.getUrl()}/api/v4/users/login`;
    const headers = { 'X-Requested-With': 'XMLHttpRequest' };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(login) });
    if (response.status !== 200) throw new Error(`no login: ${response.status}`);
    const cookies = response.headers.getSetCookie().map((line) => line.split(';', 1)[0] ?? '');
    const csrf = cookies.find((each) => each.startsWith('MMCSRF='))?.slice('MMCSRF='.length);
    if (csrf === undefined) throw new Error('the server sent no token against forged requests');
    return { cookie: cookies.join('; '), csrf };
  }

  /** The JSON that a route of the plugin answers; any status but 200 throws. */
  async pluginJson<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await this.plugin(path, init);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  async command(text: string, teamId: string, channelId: string): Promise<CommandResponse> {
    const args = { team_id: teamId, channel_id: channelId, root_id: '' };
    return this.client.executeCommand(text, args);
  }

  /** Messages that only this person sees, from the moment of the call on. */
  async ephemeralMessages(): Promise<{ messages: string[]; close: () => void }> {
    const messages: string[] = [];
    const socket = new WebSocket(`${this.client.getUrl().replace('http', 'ws')}/api/v4/websocket`);
    const token = this.client.getToken();
    const opened = new Promise<void>((resolve, reject) => {
      socket.addEventListener('error', () => reject(new Error('the web socket failed')));
      socket.addEventListener('message', ({ data }) => {
        const event = JSON.parse(String(data)) as { event?: string; data?: { post?: string } };
        if (event.event === 'hello') resolve();
        if (event.event !== 'ephemeral_message' || event.data?.post === undefined) return;
        messages.push((JSON.parse(event.data.post) as { message: string }).message);
      });
    });
    socket.addEventListener('open', () => {
      const challenge = { seq: 1, action: 'authentication_challenge', data: { token } };
      socket.send(JSON.stringify(challenge));
    });
    await opened;
    return { messages, close: () => socket.close() };
  }
}

/** What the System Console does with a plugin, by the same calls. */
export class SystemConsole {
  readonly admin: Person;

  constructor(admin: Person) {
    this.admin = admin;
  }

  async upload(bundlePath: string): Promise<string> {
    const bundle = new File([readFileSync(bundlePath)], basename(bundlePath));
    const manifest = await this.admin.client.uploadPlugin(bundle, true);
    return manifest.id;
  }

  /** Switches a plugin, ours by default, on and waits until the server calls it running. */
  async enable(id: string = pluginId): Promise<void> {
    await this.admin.client.enablePlugin(id);
    await this.waitForState(pluginState.running, id);
  }

  async disable(): Promise<void> {
    await this.admin.client.disablePlugin(pluginId);
    await this.waitForState(pluginState.notRunning);
  }

  async waitForState(state: number, id: string = pluginId): Promise<void> {
    await waitUntil(
      `the plugin ${id} is in state ${state}`,
      async () => {
        const statuses = await this.admin.client.getPluginStatuses();
        const found = statuses.find((status) => status.plugin_id === id);
        if (found?.state !== state) throw new Error(JSON.stringify(statuses));
        return true;
      },
      30_000,
      200,
    );
  }

  /** Saves settings of the plugin: the page sends the whole configuration, keys in lower case. */
  async save(settings: Readonly<Record<string, unknown>>): Promise<void> {
    const { client } = this.admin;
    const config = await client.getConfig();
    const plugins = config.PluginSettings.Plugins as Record<string, Record<string, unknown>>;
    plugins[pluginId] = { ...plugins[pluginId], ...settings };
    await client.patchConfig(config);
  }
}
