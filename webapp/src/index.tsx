import english from '../i18n/en.json' with { type: 'json' };
import { JobTable } from './components/admin_settings/job_table/job_table.tsx';
import { TsdbStats } from './components/admin_settings/tsdb_stats/tsdb_stats.tsx';
import css from './components/panel.css';
import { pluginId } from './manifest.ts';
import { reducer } from './store/reducer.ts';
import type { PluginRegistry } from './types/mattermost_webapp.ts';

const STYLE_ID = `${pluginId}.style`;

class Plugin {
  initialize(registry: PluginRegistry): void {
    addStyle();
    registry.registerReducer(reducer);
    // Other languages fall back to the English text that is named with each message.
    registry.registerTranslations((locale) => (locale === 'en' ? english : {}));
    registry.registerAdminConsoleCustomSetting('Stats', TsdbStats, { showTitle: false });
    registry.registerAdminConsoleCustomSetting('Dumps', JobTable, { showTitle: false });
  }

  uninitialize(): void {
    document.getElementById(STYLE_ID)?.remove();
  }
}

// The bundle is one file, so it brings its style along.
function addStyle(): void {
  const style = document.getElementById(STYLE_ID) ?? document.createElement('style');
  style.id = STYLE_ID;
  style.textContent = css;
  document.head.append(style);
}

declare global {
  interface Window {
    registerPlugin(id: string, plugin: Plugin): void;
  }
}

window.registerPlugin(pluginId, new Plugin());
