import { type Stats, statSync } from 'node:fs';
import { errorCode, UsageError } from '../ports/error.ts';

/**
 * Facts about a path on the command line; undefined if it does not exist.
 *
 * @param flag name of the path in messages
 * @throws {UsageError} when the system cannot tell: a folder that may not be searched, a loop of links, a name too long
 */
export function statPath(path: string, flag: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const code = errorCode(error) ?? error;
    throw new UsageError(
      `${flag}: expected an accessible path, but the system said ${code}; check permissions and links, or choose another name`,
      { cause: error },
    );
  }
}
