import { CodedError } from '../base/errors.ts';
import { PLUGIN_DIR } from '../filestore/layout.ts';

/** A call of the key-value store or of another part of the server's database failed. */
export const DATABASE_FAILURE = 'ERR_SERVER_DATABASE';

/** What a person has to look at when work on blocks failed, by the innermost error that tells. */
export function failedPart(error: unknown): string {
  let part = 'the file store';
  for (let each = error; each instanceof CodedError; each = each.cause) {
    if (each.code === DATABASE_FAILURE) return 'the database of the Mattermost server';
    const { path } = each.details;
    if (typeof path === 'string' && each.code.startsWith('ERR_FILESTORE')) {
      // The folder of the database is one of these stores, too.
      part = path.startsWith(PLUGIN_DIR) ? 'the file store' : 'the local disk';
    } else if (each.code.startsWith('ERR_UPKEEP')) {
      part = 'the local disk';
    }
  }
  return part;
}
