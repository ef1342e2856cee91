import { basename, dirname, join } from 'node:path';

const parent = join(import.meta.dirname, '..', '..');

/** Root folder of this package. Its modules lie in `lib` as TypeScript, and in `dist/lib` once they are built. */
export const repositoryRoot = basename(parent) === 'dist' ? dirname(parent) : parent;

/** Folder of the checkpoints that come with this package. */
export const modelsFolder = join(repositoryRoot, 'lib', 'models');
