import { missingTools, tools } from '../../support/tools.ts';

/** Why the tests that need Go are left out: the missing tool and the line that installs it. */
export const goSkip: string | false =
  process.env['CI'] === 'true' ? false : (missingTools([tools.go])[0] ?? false);
