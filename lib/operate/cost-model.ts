import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { summarize } from '../checkpoint/summary.ts';
import { UsageError } from '../ports/error.ts';
import { type OutputName, outputNames } from '../ports/model.ts';

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
  /** Size of the weight files (bytes). */
  bytes: number;
}

/** Names of the outputs in a checkpoint's summary. */
const summaryNames = { classification: 'classes', features: 'features', likelihood: 'likelihood' } as const;

/**
 * @param wanted default: all outputs of the model
 * @throws {UsageError} when the model lacks a wanted output
 */
export function costModel(checkpoint: Checkpoint, wanted?: readonly OutputName[]): CostModel {
  const { name } = checkpoint;
  const summary = summarize(checkpoint);
  const costs = new Map(summary.costs.map((cost) => [cost.output, cost]));
  const available = outputNames.filter((output) => costs.has(summaryNames[output]));
  const missing = wanted?.find((output) => !available.includes(output));
  if (missing !== undefined) {
    throw new UsageError(`${name} has no ${missing}; expected some of ${available.join(', ')} for --outputs`);
  }
  const outputs = wanted ?? available;
  const chosen = outputs.flatMap((output) => costs.get(summaryNames[output]) ?? []);
  const gflopOf = (ownPass: boolean) =>
    Math.max(0, ...chosen.filter(({ own_pass }) => own_pass === ownPass).map(({ gflop_causal }) => gflop_causal));
  return {
    name,
    outputs,
    gflop: gflopOf(false) + gflopOf(true),
    tokens: summary.n_positions,
    features: outputs.includes('features') ? summary.n_embd : 0,
    bytes: summary.bytes,
  };
}
