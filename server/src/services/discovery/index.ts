export { CallsDiscovery } from './calls.ts';
export { CALLS_PLUGIN_ID, buildTargets } from './targets.ts';
export type { TargetInput } from './targets.ts';
