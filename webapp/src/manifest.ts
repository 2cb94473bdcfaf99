// plugin.json is the one source of the id and the version, on both sides.

import plugin from '../../plugin.json' with { type: 'json' };

export const pluginId = plugin.id;
export const pluginVersion = plugin.version;
