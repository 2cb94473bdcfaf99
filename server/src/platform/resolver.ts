import { CodedError, codeOf } from '../base/errors.ts';
import type { Resolver } from '../base/ports/resolver.ts';
import { systemLookups } from './lookups.ts';

/** What getaddrinfo says of a name that does not exist, or has no address of the family. */
const NO_ADDRESS = new Set(['ENOTFOUND', 'ENODATA', 'EAI_ADDRFAMILY']);

/** The system's own resolver. */
export const systemResolver: Resolver = {
  async resolve(host, family) {
    try {
      const found = await systemLookups.find(host, { family });
      // An address is found whatever its family.
      return found.filter((each) => each.family === family).map(({ address }) => address);
    } catch (error) {
      if (NO_ADDRESS.has(codeOf(error) ?? '')) return [];
      throw new CodedError('ERR_DNS', 'a name could not be resolved', { host }, error);
    }
  },
};
