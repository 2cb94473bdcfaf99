// Caps on what a sender can make this side hold or do. Each is checked the moment the number is
// read, before anything is allocated for it.

/** Largest message taken or sent. The largest real ones are API replies that hold a whole file. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** Descriptions of all types of one stream together; those of a whole `model.Config` have 40 KiB. */
export const MAX_TYPES_BYTES = 8 * 1024 * 1024;

/** Types that one stream may define; a `model.Config` and an `http.Request` take about 100 each. */
export const MAX_TYPES = 4096;

/** Fields of all types of one stream together. */
export const MAX_TYPE_FIELDS = 65_536;

/** Nesting of values and of types, well inside what the JavaScript stack bears. */
export const MAX_DEPTH = 500;

/**
 * Elements, map entries and struct fields of one value together. A one-byte element can become an
 * object of many fields, so the message size alone does not bound the memory.
 */
export const MAX_VALUE_NODES = 1_000_000;

/** Longest name of a concrete type in an interface value, as in Go. */
export const MAX_TYPE_NAME_BYTES = 1024;
