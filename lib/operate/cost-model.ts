import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.ts';
import { variantCheckpoint } from '../checkpoint/initial-weights.ts';
import { summarize } from '../checkpoint/summary.ts';
import { chosenVariant } from '../checkpoint/variants.ts';
import { modelDirectory } from '../cli/options/model-option.ts';
import { UsageError } from '../ports/error.ts';
import { type OutputName, outputNames } from '../ports/model.ts';

/** What an estimate needs to know of a model. */
export interface CostModel {
  name: string;
  outputs: readonly OutputName[];
  /** Of one picture for all of `outputs`, without what the causal mask hides. */
  gflop: number;
  /** Tokens of one picture, n. */
  tokens: number;
  /** Width of the feature vector; 0 without features. */
  features: number;
  /** Weight files, bytes. */
  bytes: number;
}

export interface CostModelOptions {
  model: string;
  /** One of the paper's sizes in place of a model: its files needn't be there. */
  variant?: string;
  resolution?: string;
  /** Default: all that the model has. */
  outputs?: OutputName[];
}

const costOf = { classification: 'classes', features: 'features', likelihood: 'likelihood' } as const;

export async function costModel(options: CostModelOptions): Promise<CostModel> {
  const { name, checkpoint } = await named(options);
  const summary = summarize(checkpoint);
  const costs = new Map(summary.costs.map(({ output, gflop_causal }) => [output, gflop_causal]));
  const there = outputNames.filter((output) => costs.has(costOf[output]));
  const missing = options.outputs?.find((output) => !there.includes(output));
  if (missing !== undefined) {
    throw new UsageError(`${name} has no ${missing}; expected some of ${there.join(', ')} for --outputs`);
  }
  const outputs = options.outputs ?? there;
  return {
    ...{ name, outputs, tokens: summary.n_positions, bytes: summary.bytes },
    gflop: Math.max(...outputs.map((output) => costs.get(costOf[output]) ?? 0)),
    features: outputs.includes('features') ? summary.n_embd : 0,
  };
}

async function named({
  model,
  variant,
  resolution,
}: CostModelOptions): Promise<{ name: string; checkpoint: Checkpoint }> {
  if (variant === undefined) {
    if (resolution !== undefined) throw new UsageError('--resolution goes with --variant; a model has its own');
    const checkpoint = await openCheckpoint(modelDirectory(model));
    return { name: checkpoint.name, checkpoint };
  }
  const { name, config } = chosenVariant({ variant, ...(resolution === undefined ? {} : { resolution }) });
  return { name, checkpoint: variantCheckpoint(name, config) };
}
