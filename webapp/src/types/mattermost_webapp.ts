// The part of the web app's plugin API that the panel uses (webapp/channels/src/plugins/registry.ts of
// the server).

import type { AdminConfig, ClientLicense } from '@mattermost/types/config';
import type { ComponentType, ReactNode } from 'react';
import type { Reducer } from 'redux';

import type { PanelAction } from '../store/actions.ts';
import type { PanelState } from '../store/state.ts';

/** What the System Console hands to the component of a setting of type `custom`. */
export interface CustomSettingProps {
  id: string;
  label: ReactNode;
  helpText: ReactNode;
  value: unknown;
  disabled: boolean;
  config: Partial<AdminConfig>;
  license: ClientLicense;
}

export interface PluginRegistry {
  /** The state is found under `plugins-<plugin id>`. */
  registerReducer(reducer: Reducer<PanelState | undefined, PanelAction>): void;
  registerTranslations(translationsForLocale: (locale: string) => Record<string, string>): void;
  /** @param key of a setting in plugin.json, matched without regard to case. */
  registerAdminConsoleCustomSetting(
    key: string,
    component: ComponentType<CustomSettingProps>,
    options: { showTitle: boolean },
  ): void;
}
