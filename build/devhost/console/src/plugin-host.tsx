// What the web app does for a plugin's bundle: globals, store, registry.

import React from 'react';
import type { ComponentType } from 'react';
import * as ReactBootstrap from 'react-bootstrap';
import ReactDOM from 'react-dom';
import * as ReactIntl from 'react-intl';
import * as ReactRedux from 'react-redux';
import * as Redux from 'redux';
import { thunk } from 'redux-thunk';

import { basePath } from './server-api.ts';
import type { ConsoleData } from './server-api.ts';

export interface RegisteredSetting {
  component: ComponentType<Record<string, unknown>>;
  showTitle: boolean;
}

type Reducers = Record<string, Redux.Reducer>;

/** The calls of the real registry that a settings page can use; others are missed with a clear error. */
class PluginRegistry {
  readonly #pluginId: string;
  readonly #host: PluginHost;

  constructor(pluginId: string, host: PluginHost) {
    this.#pluginId = pluginId;
    this.#host = host;
  }

  registerReducer(reducer: Redux.Reducer): void {
    this.#host.addReducer(`plugins-${this.#pluginId}`, reducer);
  }

  registerTranslations(translationsForLocale: (locale: string) => Record<string, string>): void {
    Object.assign(this.#host.messages, translationsForLocale('en'));
  }

  registerAdminConsoleCustomSetting(
    key: string,
    component: RegisteredSetting['component'],
    options = { showTitle: false },
  ): void {
    // The server hands out the keys of settings in lower case.
    this.#host.settings.set(key.toLowerCase(), { component, showTitle: options.showTitle });
  }
}

interface Plugin {
  initialize(registry: PluginRegistry, store: Redux.Store): void | Promise<void>;
}

export class PluginHost {
  readonly store: Redux.Store;
  readonly messages: Record<string, string> = {};
  readonly settings = new Map<string, RegisteredSetting>();
  readonly #reducers: Reducers;

  constructor(data: ConsoleData) {
    this.#reducers = {
      entities: (state: object = { general: { config: {}, license: data.license } }) => state,
    };
    this.store = Redux.createStore(
      Redux.combineReducers(this.#reducers),
      Redux.applyMiddleware(thunk),
    );
  }

  addReducer(key: string, reducer: Redux.Reducer): void {
    this.#reducers[key] = reducer;
    this.store.replaceReducer(Redux.combineReducers(this.#reducers));
  }

  /** Runs a plugin's bundle; resolves when the plugin has registered itself. */
  async load(bundlePath: string): Promise<void> {
    const registered: Promise<void>[] = [];
    Object.assign(window, {
      React,
      ReactDOM,
      Redux,
      ReactRedux,
      ReactIntl,
      ReactBootstrap,
      basename: basePath(),
      registerPlugin: (id: string, plugin: Plugin) => {
        const done = plugin.initialize(new PluginRegistry(id, this), this.store);
        registered.push(Promise.resolve(done));
      },
    });
    const script = document.createElement('script');
    script.src = basePath() + bundlePath;
    await new Promise<void>((resolve, reject) => {
      script.onload = () => resolve();
      script.onerror = () => reject(new Error(`${script.src} could not be loaded.`));
      document.body.append(script);
    });
    await Promise.all(registered);
  }
}
