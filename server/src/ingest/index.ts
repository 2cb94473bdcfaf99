export type { StorePermission } from './scrape/escrow.ts';
export { ScrapeManager } from './scrape/manager.ts';
export type { ScrapeManagerOptions } from './scrape/manager.ts';
export type { MetricMetadata } from './scrape/metadata.ts';
export type { ScrapeResult, ScrapeSettings, Target, TargetStatus } from './scrape/types.ts';
