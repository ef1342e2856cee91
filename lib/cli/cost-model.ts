import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { blocksCost, classesCost, logitsCost } from '../checkpoint/cost.ts';
import { summarize } from '../checkpoint/summary.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import type { OutputName } from '../pipeline/ports.ts';
import { modelDirectory } from './model-option.ts';
import { UsageError } from './usage-error.ts';

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

/** Sizes of the published checkpoints, 32x32 pixels, 512 colours: for an estimate before they are at hand. */
const published: Readonly<Record<string, { n_layer: number; n_embd: number }>> = {
  'igpt-s': { n_layer: 24, n_embd: 512 },
  'igpt-m': { n_layer: 36, n_embd: 1024 },
  'igpt-l': { n_layer: 48, n_embd: 1536 },
};

export const publishedNames = Object.keys(published);

/** A checkpoint directory, or the name of a published one that needn't be there. */
export async function costModel(model: string, wanted: readonly OutputName[] | undefined): Promise<CostModel> {
  const size = published[model.toLowerCase()];
  return size === undefined ? ofCheckpoint(modelDirectory(model), wanted) : ofPublished(model, size, wanted);
}

function ofPublished(
  name: string,
  size: { n_layer: number; n_embd: number },
  wanted?: readonly OutputName[],
): CostModel {
  const { n_layer, n_embd } = size;
  const config: ImageGptConfig = {
    ...{ n_layer, n_embd, n_head: 8, n_inner: 4 * n_embd, n_positions: 1024, n_colors: 512 },
    ...{ layer_norm_epsilon: 1e-5, objective: 'ar', feature_layer: n_layer / 2, feature_norm: 'next' },
  };
  const costs: Record<OutputName, number> = {
    // A linear probe on the middle layer, as the paper has it.
    classification: classesCost(config, n_layer / 2, 1000, n_embd).causal / 1e9,
    features: blocksCost(config, n_layer / 2).causal / 1e9,
    likelihood: logitsCost(config).causal / 1e9,
  };
  const outputs = wanted ?? ['features', 'likelihood'];
  const block = 12 * n_embd * n_embd + 13 * n_embd;
  const parameters = n_layer * block + (1024 + 2 * 512) * n_embd;
  return {
    ...{ name, outputs, tokens: config.n_positions, bytes: 4 * parameters },
    gflop: Math.max(...outputs.map((output) => costs[output])),
    features: outputs.includes('features') ? n_embd : 0,
  };
}

const costOf = { classification: 'classes', features: 'features', likelihood: 'likelihood' } as const;

async function ofCheckpoint(directory: string, wanted?: readonly OutputName[]): Promise<CostModel> {
  const summary = summarize(await openCheckpoint(directory));
  const costs = new Map(summary.costs.map(({ output, gflop_causal }) => [output, gflop_causal]));
  const all: OutputName[] = ['classification', 'features', 'likelihood'];
  const there = all.filter((output) => costs.has(costOf[output]));
  const missing = wanted?.find((output) => !there.includes(output));
  if (missing !== undefined) {
    throw new UsageError(`${summary.name} has no ${missing}; expected some of ${there.join(', ')} for --outputs`);
  }
  const outputs = wanted ?? there;
  return {
    ...{ name: summary.name, outputs, tokens: summary.n_positions, bytes: summary.bytes },
    gflop: Math.max(...outputs.map((output) => costs.get(costOf[output]) ?? 0)),
    features: outputs.includes('features') ? summary.n_embd : 0,
  };
}
