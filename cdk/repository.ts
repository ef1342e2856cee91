import { join } from 'node:path';

/** The repository's root: sources of bundles and images, and what relative paths of the configuration start from. */
export const repository = join(import.meta.dirname, '..');
