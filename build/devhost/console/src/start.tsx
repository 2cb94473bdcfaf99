import React from 'react';
import type { ReactElement } from 'react';
import { IntlProvider } from 'react-intl';
import { Provider } from 'react-redux';

import { PluginHost } from './plugin-host.tsx';
import { loadConsole } from './server-api.ts';
import { SettingsPage } from './settings-page.tsx';

import 'bootstrap/dist/css/bootstrap.css';
import './console.css';

/** Loads the plugin and shows its settings; each version of React has its own way to mount. */
export async function startConsole(
  mount: (element: ReactElement, root: HTMLElement) => void,
): Promise<void> {
  const root = document.getElementById('root') ?? document.body;
  try {
    const data = await loadConsole();
    const host = new PluginHost(data);
    if (data.bundlePath !== undefined) {
      await host.load(data.bundlePath);
    }
    mount(
      <Provider store={host.store}>
        <IntlProvider locale="en" messages={host.messages}>
          <SettingsPage data={data} host={host} />
        </IntlProvider>
      </Provider>,
      root,
    );
  } catch (error) {
    root.textContent = `The console could not be shown: ${String(error)}`;
  }
}
