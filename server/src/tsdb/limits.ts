// The limits of the TSDB, with the reason for its value.

/** Prometheus' block range: cutting and merging tools expect this grid. */
export const BLOCK_RANGE_MS = 2 * 60 * 60 * 1000;
/** What the Go plugin keeps locally; older blocks are in the file store by then. */
export const RETENTION_MS = 3 * 24 * 60 * 60 * 1000;
export const MAINTENANCE_INTERVAL_MS = 60 * 1000;
/** About 0.6 GiB of head; a Mattermost cluster of 40 nodes has 200,000. */
export const SERIES_MAX = 1_000_000;
/** Text of the labels of all series: 512 for each of a million, twice what is usual. */
export const LABEL_BYTES_MAX = 512 * 1024 * 1024;
/** A scrape with more samples leaves the last quarter of the head's memory to others. */
export const SMALL_SCRAPE_SAMPLES = 20_000;
/** Compressed samples in memory; three hours of a million series at 60 s take less than half. */
export const CHUNK_BYTES_MAX = 1024 * 1024 * 1024;
/** References above are not used, so that a number holds series and chunk together. */
export const SERIES_REF_MAX = 2 ** 29 - 1;

/**
 * Times of samples lie in ± this: the range of ECMAScript dates. It leaves room below 2^53 for
 * the arithmetic on the ends of blocks.
 */
export const TIME_MS_MAX = 8.64e15;

/** Prometheus has no such limits by default; beyond these an exporter is broken. */
export const LABELS_PER_SERIES_MAX = 256;
export const LABEL_NAME_BYTES_MAX = 4096;
export const LABEL_VALUE_BYTES_MAX = 64 * 1024;

/** Prometheus' own; any whole number of pages is valid. */
export const WAL_SEGMENT_BYTES = 128 * 1024 * 1024;
/** A record longer than a segment does not exist uncompressed; this bounds memory on damage. */
export const WAL_RECORD_BYTES_MAX = 256 * 1024 * 1024;
/**
 * A scrape is split into records of about this size: replay handles a record in one go, and this
 * much takes it some 10 ms.
 */
export const WAL_RECORD_BYTES_TARGET = 256 * 1024;

/**
 * A wall clock that goes back by more has jumped: then the head is turned into blocks, so that samples
 * from before the jump do not keep out those that follow. A shorter step costs at most as much.
 */
export const CLOCK_JUMP_MS = 60 * 1000;

/** Longest time that head code holds the main thread before others get their turn. */
export const SLICE_MS = 8;
/** Samples handled before the clock is asked again. */
export const SLICE_SAMPLES = 16_384;

/** Symbol tables of blocks that are merged: what a merge holds in memory beside one series. */
export const MERGE_SYMBOL_BYTES_MAX = 128 * 1024 * 1024;
/** Samples of blocks that are made of a text, in memory: some 60 million at one a minute. */
export const IMPORT_BYTES_MAX = 96 * 1024 * 1024;

// The reference time, by which retention is counted; see db/reference-time.ts.

/** The longest scrape interval; time in which no samples came in beyond that does not count. */
export const SAMPLES_APART_MS_MAX = 24 * 60 * 60 * 1000;
/** Room for clocks that differ a little, restarts, and what the reference lags behind. */
export const TIME_AHEAD_MS = 2 * 60 * 60 * 1000;
/** Samples come in for so long before a gap that is as long or longer is taken for real. */
export const GAP_BELIEVED_AFTER_MS = 24 * 60 * 60 * 1000;
/** How many times as fast as time itself a gap is caught up with: a day of samples an hour. */
export const GAP_PACE_AGREED = 24;
export const GAP_PACE_UNKNOWN = 2;
/** Clocks that differ by less show the same time: none of them is days off. */
export const CLOCK_AGREEMENT_MS = 5 * 60 * 1000;
/** What a clock has shown longer ago is too vague, since the monotonic clock drifts. */
export const WITNESS_AGE_MS_MAX = 24 * 60 * 60 * 1000;
/** A block that is made so long after its newest sample was not made in the usual way. */
export const LATE_MS = 24 * 60 * 60 * 1000;
/** By how much the reference moves before it is written down anew. */
export const REFERENCE_SAVED_MS = 10 * 60 * 1000;
