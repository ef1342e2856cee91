import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Option } from 'commander';
import { openTokenizerFiles } from '../../checkpoint/checkpoint.ts';
import { modelsFolder } from '../../local/repository.ts';
import { statPath } from '../../local/stat-path.ts';
import { ImageGptError, UsageError } from '../../ports/error.ts';
import type { Preprocessing } from '../../ports/model.ts';

/** The checkpoint that works out of the box. */
const NANO = 'igpt-nano';

/** Where it lies. */
export const nanoDirectory = join(modelsFolder, NANO);

export function modelOption(): Option {
  return new Option('--model <model>', `checkpoint directory in the Hugging Face or OpenAI layout, or ${NANO}`).default(
    NANO,
  );
}

/** Directory of the checkpoint that `--model` names. Says on standard error when it is the one for trying out. */
export function modelDirectory(model: string): string {
  const directory = model === NANO ? nanoDirectory : model;
  const there = statPath(directory, `model ${model}`);
  if (there?.isDirectory() !== true) {
    const came = there === undefined ? 'there is nothing of that name' : 'it is a file';
    throw new UsageError(
      `model ${model}: expected a checkpoint directory (config.json, model.safetensors, preprocessor_config.json) or the name ${NANO}, but ${came}`,
    );
  }
  const warning = trialWarning(directory);
  if (warning !== undefined) process.stderr.write(`${warning}\n`);
  return directory;
}

/** What to say of the checkpoint that is there for trying out; undefined for every other one. */
export function trialWarning(directory: string): string | undefined {
  return realpathSync(directory) === realpathSync(nanoDirectory)
    ? `${NANO} is a small model for trying the system out (right on 61 % of CIFAR-10's test pictures, 10 classes): don't rely on what it says`
    : undefined;
}

/**
 * How the checkpoint turns pictures into tokens.
 *
 * @throws ImageGptError `no_preprocessing` when the checkpoint takes tokens only, and what the checkpoint's files are wrong with
 */
export async function openPictureRecipe(directory: string): Promise<Preprocessing> {
  const { preprocessing } = await openTokenizerFiles(directory);
  return requirePreprocessing(directory, preprocessing);
}

/** The preprocessing, or an error that says what to do without. */
export function requirePreprocessing(directory: string, preprocessing: Preprocessing | undefined): Preprocessing {
  if (preprocessing === undefined) {
    throw new ImageGptError(
      'no_preprocessing',
      `${directory} has no preprocessor_config.json, so it has no palette and reads tokens only: use igpt forward --tokens, or add the file`,
    );
  }
  return preprocessing;
}
