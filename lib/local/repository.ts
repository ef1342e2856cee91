import { join } from 'node:path';

/** Root folder of this package. */
export const repositoryRoot = join(import.meta.dirname, '..', '..');

/** Folder of the checkpoints that come with this package. */
export const modelsFolder = join(repositoryRoot, 'lib', 'models');
