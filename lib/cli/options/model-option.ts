import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Option } from 'commander';
import { statPath } from '../../local/stat-path.ts';
import { UsageError } from '../../ports/error.ts';

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
