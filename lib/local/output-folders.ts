import { mkdir, realpath } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { makeDirectory } from '../files/make-directory.ts';
import { errorCode } from '../ports/error.ts';
import { isMissing, OutputDirectoryError } from './error.ts';
import { isWithin } from './is-within.ts';

/** The folders of an output directory. None of them may lead out of it. */
export interface OutputFolders {
  /**
   * Creates a folder below the root, and the folders between. Folders that were checked before are skipped, unless `again`.
   *
   * @throws {OutputDirectoryError} `output_link` when a link leads out of the root; nothing is created there
   */
  make(folder: string, options?: { again?: boolean | undefined }): Promise<void>;
  /** @throws {OutputDirectoryError} `output_link` when the folder exists and its real path is outside the root */
  refuseIfOutside(folder: string): Promise<void>;
  /** True if `path` exists and its real path is outside the root. */
  isOutside(path: string): Promise<boolean>;
}

/** @param root a real path */
export function createOutputFolders(root: string): OutputFolders {
  const made = new Set<string>();

  async function isOutside(path: string): Promise<boolean> {
    const real = await realpath(path).catch((error: unknown) => {
      if (isMissing(error)) return root;
      throw error;
    });
    return !isWithin(root, real);
  }

  async function refuseIfOutside(folder: string): Promise<void> {
    if (!(await isOutside(folder))) return;
    const name = JSON.stringify(relative(root, folder));
    throw new OutputDirectoryError(
      'output_link',
      `Expected ${name} to lie in the output directory, received a link out of it; remove the link, or choose another directory.`,
    );
  }

  async function make(folder: string, { again = false } = {}): Promise<void> {
    if (made.has(folder) && !again) return;
    if (folder === root) {
      await makeDirectory(root);
    } else {
      await make(dirname(folder), { again });
      await mkdir(folder).catch((error: unknown) => {
        if (errorCode(error) !== 'EEXIST') throw error;
      });
    }
    await refuseIfOutside(folder);
    made.add(folder);
  }

  return { make, refuseIfOutside, isOutside };
}
