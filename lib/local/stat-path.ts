import { type Stats, statSync } from 'node:fs';
import { errorCode, UsageError } from '../ports/error.ts';

/**
 * What stands under a name of the command line; undefined when there is nothing.
 *
 * @throws UsageError when the system will not say: a folder that may not be searched, links in a circle, a name too long
 */
export function statPath(path: string, flag: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const code = errorCode(error) ?? error;
    throw new UsageError(
      `${flag}: the system does not let us look there (${code}); check its permissions and links, or choose another name`,
      { cause: error },
    );
  }
}
