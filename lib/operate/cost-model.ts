import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { summarize } from '../checkpoint/summary.ts';
import type { OutputName } from '../ports/model.ts';
import { pictureGflop } from '../runtime/picture-gflop.ts';
import { selectOutputs } from '../runtime/select-outputs.ts';

/** What an estimate needs to know about a model. */
export interface CostModel {
  name: string;
  outputs: readonly OutputName[];
  /** GFLOP of one picture for all `outputs`, without the products that the causal mask hides. */
  gflop: number;
  /** Tokens of one picture, n. */
  tokens: number;
  /** Width of the feature vector; 0 without features. */
  features: number;
  /** Numbers in the weights. */
  parameters: number;
  /** Size of the weight files (bytes). */
  bytes: number;
}

/**
 * @param wanted default: all outputs of the model
 * @throws {ModelError} `output_unavailable`
 */
export function costModel(checkpoint: Checkpoint, wanted?: readonly OutputName[]): CostModel {
  const { name } = checkpoint;
  const summary = summarize(checkpoint);
  const outputs = selectOutputs(checkpoint, wanted);
  return {
    name,
    outputs,
    gflop: pictureGflop(summary, outputs),
    tokens: summary.n_positions,
    features: outputs.includes('features') ? summary.n_embd : 0,
    parameters: summary.parameters,
    bytes: summary.bytes,
  };
}
