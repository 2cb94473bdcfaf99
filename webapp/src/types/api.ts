// What the plugin's HTTP API answers. Times are Unix milliseconds, 0 where there is nothing yet.

export type JobStatus = 'pending' | 'in_progress' | 'success' | 'error';

/** How a dump is packed. */
export type DumpFormat = 'tar.gz' | 'zip';

export interface Job {
  id: string;
  status: JobStatus;
  create_at: number;
  /** The range asked for, and once the dump is finished the range that it holds. */
  min_t: number;
  max_t: number;
  dump_location: string;
  /** Why the dump failed, or on a finished one what it had to leave out. */
  error?: string;
  /** An administrator stopped it; the status is `error` then. */
  cancelled?: true;
  size_bytes?: number;
  /** Share of the bytes that are in the dump, 0 to 1, while it is made. */
  progress?: number;
}

export interface TsdbStats {
  min_t: number;
  max_t: number;
  num_series: number;
  num_samples: number;
  /** When the file store was asked; 0 when it has not answered yet, not there when there is none. */
  as_of?: number;
}

export interface Target {
  url: string;
  job: string;
  instance: string;
  up: boolean;
  /** Nobody asked for it, and it has not answered yet: there is probably none. */
  absent: boolean;
  /** 0 before the first scrape. */
  last_scrape_ms: number;
  last_duration_ms: number;
  last_error: string;
  samples: number;
  /** Samples of the last answer that could not be stored. */
  refused: number;
}

export interface Warning {
  code: string;
  message: string;
  /** What an administrator can do about it. */
  action?: string;
}

export interface HeadStats {
  series: number;
  samples: number;
  min_t: number;
  max_t: number;
  /** Series that targets have sent, without those that tell about the targets. */
  scraped_series?: number;
  /** Time of the newest sample that a target has sent; 0 when there is none. */
  newest_scraped_t?: number;
}

/** One running copy of the plugin. */
export interface ClusterInstance {
  id: string;
  node: string;
  /** `scraper`, `lapsed`, `waiting`, `lost` or `starting`. */
  role: string;
  version: string;
  /** Since when it scrapes; 0 when it does not. */
  since_ms: number;
  reported_ms: number;
}

/** The node that scrapes, and since when. */
export interface Scraper {
  node: string;
  since_ms: number;
}

export interface Cluster {
  /** The instance that answered. */
  id: string;
  /** None when it is not known. */
  scraper?: Scraper;
  instances: ClusterInstance[];
}

export interface PluginStatus {
  version: string;
  /** Whether the plugin is still on its way up. */
  isStarting: boolean;
  /** Whether nothing of what is scraped can be stored. */
  isStalled: boolean;
  /** When the file store last had all blocks. */
  lastSyncMs: number;
  /** When a block was last copied to it; undefined when the plugin does not say. */
  lastCopiedMs?: number;
  warnings: Warning[];
  targets: Target[];
  head?: HeadStats;
  /** Only of a server with a cluster. */
  cluster?: Cluster;
}

/** Unix milliseconds; `from` lies before `to`. */
export interface TimeRange {
  from: number;
  to: number;
}
