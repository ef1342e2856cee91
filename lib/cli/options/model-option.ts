import { realpathSync } from 'node:fs';
import { Option } from 'commander';
import { type Checkpoint, openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { namedDirectory, nano, nanoDirectory } from '../../checkpoint/named-model.ts';
import { printable } from '../terminal/text.ts';

export function modelOption(): Option {
  return new Option('--model <model>', `checkpoint directory in the Hugging Face or OpenAI layout, or ${nano}`).default(
    nano,
  );
}

/** Directory of the checkpoint that `--model` names. Prints a warning for igpt-nano. */
export function modelDirectory(model: string): string {
  const directory = namedDirectory(model);
  const warning = trialWarning(directory);
  if (warning !== undefined) process.stderr.write(`${warning}\n`);
  return directory;
}

/**
 * Opens the checkpoint that `--model` names. Prints a warning for igpt-nano and for {@link layoutWarning}.
 *
 * @throws UsageError, CheckpointError
 */
export async function openNamedCheckpoint(model: string): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(modelDirectory(model));
  const warning = layoutWarning(checkpoint);
  if (warning !== undefined) process.stderr.write(`${printable(warning)}\n`);
  return checkpoint;
}

/** Warning about a BERT model in Hugging Face's layout, in which igpt 0.1 wrote BERT models. */
function layoutWarning({ config, weights, directory }: Checkpoint): string | undefined {
  return config.objective === 'bert' && weights.layout === 'huggingface'
    ? `${directory} is a BERT model in Hugging Face's layout, which transformers computes wrongly, as a causal model; igpt import ${directory} --out DIR writes it in OpenAI's`
    : undefined;
}

/** Warning about the trial model igpt-nano; undefined for every other checkpoint. */
export function trialWarning(directory: string): string | undefined {
  return realpathSync(directory) === realpathSync(nanoDirectory)
    ? `${nano} is a small model to try the system with (right on 65 % of CIFAR-10's test pictures, 10 classes): do not rely on its answers`
    : undefined;
}
