import { UsageError } from '../ports/error.ts';
import type { ClassInput } from '../ports/model.ts';
import type { Checkpoint } from './checkpoint.ts';

/**
 * The checkpoint with `input` for its class head; undefined: its own.
 *
 * @throws UsageError as {@link checkInput}
 */
export function withInput(checkpoint: Checkpoint, input: ClassInput | undefined): Checkpoint {
  if (input === undefined) return checkpoint;
  checkInput(checkpoint, input);
  const { config } = checkpoint;
  return { ...checkpoint, config: { ...config, input }, inputReason: 'chosen by an option or a setting' };
}

/** @throws UsageError when the checkpoint leaves no choice */
export function checkInput(
  { name, config, probe, weights }: Pick<Checkpoint, 'name' | 'config' | 'probe' | 'weights'>,
  input: ClassInput,
): void {
  if (config.objective === 'bert') {
    throw new UsageError(
      `input ${input}: expected an autoregressive model, but ${name} is a BERT model, which has no start token; leave it out`,
    );
  }
  if (probe !== undefined && input === 'plain') {
    throw new UsageError(
      `input plain: expected score.weight as the class head, but that of ${name} is probe.safetensors, which was fitted on features behind SOS; leave it out, or move the probe away`,
    );
  }
  if (probe === undefined && weights.score === undefined) {
    throw new UsageError(`input ${input}: expected a model with a class head, but ${name} has none; leave it out`);
  }
}
