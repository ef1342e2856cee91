import { join } from 'node:path';

/** Root of the repository. Bundles and images are built from it, and relative paths of settings start at it. */
export const repository = join(import.meta.dirname, '..');
