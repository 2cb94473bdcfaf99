import { join } from 'node:path';

/** Root of the checkout. */
export const repositoryRoot = join(import.meta.dirname, '..', '..');

/** Things that take long to make and never change; ignored by git. */
export const cacheDir = join(repositoryRoot, '.cache');

export const pluginId = 'com.mattermost.mattermost-plugin-metrics';
