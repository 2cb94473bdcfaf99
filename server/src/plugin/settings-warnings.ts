import type { SettingProblem } from '../services/config/parse-settings.ts';
import type { Warning } from '../services/health/warning-board.ts';

type Text = Omit<Warning, 'code'>;

/** What an administrator should know about settings that are not valid. */
export function settingsWarning(problems: readonly SettingProblem[]): Text | undefined {
  if (problems.length === 0) return undefined;
  const texts = problems.map((problem) => problem.message).join(' ');
  return {
    message: `Some settings of the plugin are not valid; they count as not set, and bad entries of lists are left out. ${texts}`,
    action: 'Correct them in the plugin’s settings (PluginSettings in the configuration).',
  };
}

/** An open database stays where it is, whatever the setting says. */
export function restartWarning(openDir: string | undefined, wantedDir: string): Text | undefined {
  if (openDir === undefined || openDir === wantedDir) return undefined;
  return {
    message: `The database stays in ${openDir}; ${wantedDir} is used after a restart.`,
    action: 'Disable and enable the plugin to use the new TSDB Path.',
  };
}
