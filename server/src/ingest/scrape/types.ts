import type { LabelLimits } from './label-limits.ts';

/** Something to scrape. Two targets are the same when URL and labels are. */
export interface Target {
  /** Absolute `http:` or `https:` URL to connect to. Its query may hold secrets. */
  readonly url: string;
  /** The value of the `Authorization` header; a secret. */
  readonly authorization?: string;
  /** It is there by default: while it has never answered, it counts as not installed. */
  readonly isOptional?: boolean;
  /** Added to every series; empty values count as absent. */
  readonly labels: { readonly job: string; readonly instance: string } & Readonly<
    Record<string, string>
  >;
  /**
   * Whether a series of the exporter's, with the metric's name as label `__name__`, is not to be
   * stored. Asked once for each series, not for each sample.
   */
  readonly drops?: (labels: readonly (readonly [name: string, value: string])[]) => boolean;
}

/** What the administrator sets for all targets. */
export interface ScrapeSettings {
  readonly intervalMs: number;
  /** For one whole exchange. May exceed the interval: then a slow target skips its turns. */
  readonly timeoutMs: number;
  /** Most bytes of a decompressed body; 0: no limit but that of the HTTP client. */
  readonly bodyLimitBytes: number;
  /** Most samples of a scrape; one more fails it. 0: no limit. */
  readonly sampleLimit: number;
  /** A series beyond them fails the scrape; none when omitted. */
  readonly labelLimits?: LabelLimits;
  /** Use the exporter's own timestamps where it sends some. */
  readonly honorTimestamps: boolean;
  /**
   * What happens to a label of the exporter's that the target has too: true keeps the exporter's,
   * false (the default, as in Prometheus) renames it to `exported_<name>`.
   */
  readonly honorLabels?: boolean;
  /** Certificates, PEM, by which a target is trusted besides those of the system. */
  readonly extraCa?: string;
}

/** What one scrape came to. */
export interface ScrapeResult {
  readonly durationMs: number;
  /** Samples in the answer. */
  readonly samples: number;
  /** The `ERR_…` code of what went wrong; undefined when nothing did. */
  readonly failureCode: string | undefined;
  /** Whether something of it, be it that it failed, is stored or kept until it may be. */
  readonly isStored: boolean;
}

/** How a target is doing, for the panel. */
export interface TargetStatus {
  /** Without what may be secret in it. */
  readonly url: string;
  readonly job: string;
  readonly instance: string;
  /**
   * Whether the last answer was good; false before the first. Also while storage takes nothing: then
   * `failureCode` is `ERR_SCRAPE_STORE`.
   */
  readonly up: boolean;
  /** An optional target that has never answered: most likely there is none. */
  readonly absent?: boolean;
  /** When the last scrape began that storage took or that failed, unix milliseconds; undefined before it. */
  readonly lastScrapeMs: number | undefined;
  readonly lastDurationMs: number | undefined;
  /** Why the last scrape failed or is not stored, one sentence for a person; undefined when neither. */
  readonly lastError: string | undefined;
  /** The `ERR_…` code that goes with `lastError`, where it is known. */
  readonly failureCode?: string | undefined;
  /** Samples in the last answer; 0 when there was none. */
  readonly samples: number;
  /** Samples of the last answer that storage refused (too old, too far ahead, or contradicting). */
  readonly refused: number;
}
