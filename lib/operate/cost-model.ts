import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { withInput } from '../checkpoint/class-input.ts';
import { type CheckpointSummary, summarize } from '../checkpoint/summary.ts';
import { type FunctionModel, functionModelOf } from '../contracts/infer-function.ts';
import type { ClassInput, OutputName, Precision } from '../ports/model.ts';
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

/** Names of the outputs in a checkpoint's summary. */
const summaryNames = { classification: 'classes', features: 'features', likelihood: 'likelihood' } as const;

function pictureGflop({ costs }: CheckpointSummary, outputs: readonly OutputName[]): number {
  const chosen = costs.filter(({ output }) => outputs.some((name) => summaryNames[name] === output));
  const dearest = (ownPass: boolean): number =>
    Math.max(0, ...chosen.filter(({ own_pass }) => own_pass === ownPass).map(({ gflop_causal }) => gflop_causal));
  return dearest(false) + dearest(true);
}

/** Settings that decide how much a function computes. */
export interface FunctionChoices {
  precision: Precision;
  outputs?: readonly OutputName[] | undefined;
  featureLayer?: number | undefined;
  input?: ClassInput | undefined;
}

/**
 * What decides whether a checkpoint fits a function.
 *
 * @throws {ModelError} `output_unavailable`
 * @throws {UsageError} when the checkpoint leaves no choice of `input`
 */
export function functionModelFor(checkpoint: Checkpoint, choices: FunctionChoices): FunctionModel {
  const { config, ...opened } = withInput(checkpoint, choices.input);
  const { featureLayer: feature_layer = config.feature_layer } = choices;
  return functionModelOf(
    costModel({ ...opened, config: { ...config, feature_layer } }, choices.outputs),
    choices.precision,
  );
}
