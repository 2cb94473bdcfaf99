// What an exporter may make us do. Prometheus has no such limits; ours are far above honest use.

/** A longer line (or series text) fails the scrape: it bounds the work between two yields. */
export const LINE_BYTES_MAX = 1024 * 1024;

/**
 * CPU time that one scrape may use before others and the host get their turn. Well below the 100 ms
 * that the event loop may ever be held, because a slice may end with some expensive new series.
 */
export const SLICE_MS = 8;

/** Lines between two looks at the clock in a slice. */
export const SLICE_CHECK_LINES = 64;

/** Samples with a timestamp further ahead than this are refused, as Prometheus does. */
export const AHEAD_MS_MAX = 10 * 60 * 1000;

/** A new target is scraped for the first time within this, however long the interval is. */
export const FIRST_SCRAPE_MS_MAX = 2000;

/** A scrape that starts this close to its slot gets the slot's time; at most 1 % of the interval. */
export const ALIGN_TOLERANCE_MS_MAX = 50;

/** While it is not known whether samples may be stored: so many, some 40 MB, for so long. */
export const ESCROW_SAMPLES_MAX = 1_000_000;
export const ESCROW_MS_MAX = 30 * 60 * 1000;

/** HELP, TYPE and UNIT lines kept of one target, and of all together; what is beyond is not kept. */
export const METADATA_BYTES_MAX = 1024 * 1024;
export const METADATA_TOTAL_BYTES_MAX = 32 * 1024 * 1024;

/** A clock that is further behind the newest sample was put right meanwhile, or put wrong. */
export const CLOCK_BACK_MS_MAX = 60 * 1000;
