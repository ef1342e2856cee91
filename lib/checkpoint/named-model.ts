import { join } from 'node:path';
import { kindOf } from '../files/regular-file.ts';
import { modelsFolder } from '../local/repository.ts';
import { statPath } from '../local/stat-path.ts';
import { UsageError } from '../ports/error.ts';

/** The model that this package includes. */
export const nano = 'igpt-nano';

export const nanoDirectory = join(modelsFolder, nano);

/**
 * Directory of the model that a user names: a directory, or {@link nano}.
 *
 * @throws UsageError when there is no such directory
 */
export function namedDirectory(model: string): string {
  const directory = model === nano ? nanoDirectory : model;
  const there = statPath(directory, `model ${model}`);
  if (there?.isDirectory() === true) return directory;
  const received = there === undefined ? 'there is nothing of that name' : `it is ${kindOf(there)}`;
  throw new UsageError(
    `model ${model}: expected a checkpoint directory (config.json, model.safetensors, preprocessor_config.json) or the name ${nano}, but ${received}`,
  );
}
