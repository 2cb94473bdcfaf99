export { CallsDiscovery } from './calls.ts';
export { CALLS_PLUGIN_ID } from './calls-endpoints.ts';
export { buildTargets } from './targets.ts';
export type { TargetInput, TargetList } from './targets.ts';
