import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { OutputName } from '../ports/model.ts';
import { ModelError } from './error.ts';

/** What each output needs, for error messages. */
const needs: Readonly<Record<OutputName, string>> = {
  classification: 'a class head: score.weight or probe.safetensors',
  features: 'nothing',
  likelihood: 'lm_head.weight in an autoregressive model (BERT models have no likelihood of pictures)',
};

/** The outputs that a checkpoint can compute, in the order of results. */
function availableOutputs({ config, weights, probe, noClasses }: Checkpoint): OutputName[] {
  const outputs: OutputName[] = [];
  if (noClasses === undefined && (probe !== undefined || weights.score !== undefined)) {
    outputs.push('classification');
  }
  outputs.push('features');
  if (weights.lmHead !== undefined && config.objective === 'ar') {
    outputs.push('likelihood');
  }
  return outputs;
}

/**
 * The wanted outputs, each once, in the order of results (default: all that the checkpoint can compute).
 *
 * @throws ModelError `output_unavailable`
 */
export function selectOutputs(checkpoint: Checkpoint, wanted: readonly OutputName[] | undefined): OutputName[] {
  const available = availableOutputs(checkpoint);
  const missing = wanted?.find((output) => !available.includes(output));
  if (missing !== undefined) {
    const { noClasses } = checkpoint;
    const why = missing === 'classification' && noClasses !== undefined ? noClasses : `it needs ${needs[missing]}`;
    throw new ModelError(
      'output_unavailable',
      `${checkpoint.name} has no ${missing}: ${why}. Choose from ${available.join(', ')}.`,
    );
  }
  return available.filter((output) => wanted === undefined || wanted.includes(output));
}
