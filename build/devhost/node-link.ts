import { CodedError } from '../../server/src/base/errors.ts';

/** What one node reaches of its surroundings; tests and the page break it and mend it. */
export class NodeLink {
  /** Calls of the database fail, as when the network is gone. */
  isDatabaseCut = false;
  /** Events of the cluster neither come nor go. */
  areEventsCut = false;

  /** Throws while the database cannot be reached. */
  requireDatabase(): void {
    if (!this.isDatabaseCut) return;
    throw new CodedError('ERR_MATTERMOST_API', 'the database is out of reach', { statusCode: 500 });
  }
}
