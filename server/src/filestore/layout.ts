// Where things are in the file store; the same places as the Go plugin's (server/const.go).

/** Ours alone; the server and other plugins keep their files elsewhere. */
export const PLUGIN_DIR = 'plugin-data/mattermost-plugin-metrics';

/** One folder per block, named by its ULID. */
export const STORE_BLOCKS_DIR = `${PLUGIN_DIR}/data`;
/** One folder per job, named by its id. */
export const STORE_DUMPS_DIR = `${PLUGIN_DIR}/dump`;

/** Written and removed again to see whether the store takes files. */
export const STORE_PROBE_PATH = `${PLUGIN_DIR}/.write-probe`;

/** The time by which it is judged what may be removed; the Go plugin looks into the two folders alone. */
export const STORE_REFERENCE_PATH = `${PLUGIN_DIR}/reference.json`;

export const META_FILE_NAME = 'meta.json';
/** The Go plugin's only one. */
export const DUMP_FILE_NAME = 'tsdb_dump.tar.gz';
const DUMP_ZIP_NAME = 'tsdb_dump.zip';

/** The folder of a block. */
export function blockDirOf(ulid: string): string {
  return `${STORE_BLOCKS_DIR}/${ulid}`;
}

/** The folder that holds everything of one job. */
export function dumpDirOf(jobId: string): string {
  return `${STORE_DUMPS_DIR}/${jobId}`;
}

/** The archive of a job. */
export function dumpPathOf(jobId: string, format: 'tar.gz' | 'zip'): string {
  return `${dumpDirOf(jobId)}/${format === 'zip' ? DUMP_ZIP_NAME : DUMP_FILE_NAME}`;
}

/** The last part of a path: what a person calls the file. */
export function fileNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Blocks of another instance's head, made for this one dump and gone when it is finished. */
export function dumpHeadDirOf(jobId: string): string {
  return `${dumpDirOf(jobId)}/head`;
}

/** A file with this many bytes is no meta.json of a block. */
export const META_SIZE_BYTES_MAX = 4 * 1024 * 1024;
