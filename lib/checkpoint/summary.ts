import { elementsOf } from '../graph/graph.ts';
import type { Activation } from '../image-gpt/activation.ts';
import { classInput } from '../image-gpt/class-input.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import type { ClassFunction, ClassInput, Objective } from '../ports/model.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type Variant, variantOf } from './variants.ts';
import { listWeights } from './weights-by-role.ts';

/** Facts about a checkpoint, ready to print as JSON. */
export interface CheckpointSummary {
  name: string;
  /** The paper's size, or `custom`. */
  variant: Variant | 'custom';
  layout: 'huggingface' | 'openai';
  objective: Objective;
  n_layer: number;
  n_embd: number;
  n_head: number;
  n_positions: number;
  n_colors: number;
  /** Numbers in the weight files, with biases and class head, without causal masks. */
  parameters: number;
  /** The paper's count, without biases and class head. */
  paper_parameters: number;
  /** Pixels; null without preprocessor_config.json. */
  resolution: { height: number; width: number } | null;
  crop: string | null;
  resample: number | null;
  class_head: 'probe' | 'score' | null;
  /** What the class head reads; null without a class head, and for BERT models. */
  input: ClassInput | null;
  input_reason: string | null;
  /** How the head's logits become probabilities; null without a class head, or if they cannot. */
  class_function: ClassFunction | null;
  /** Why the head's logits are no classes; null if they are, and without a class head. */
  no_classes: string | null;
  labels: readonly string[];
  /** Keys of config.json that neither transformers nor we read. */
  unknown_keys: readonly string[];
  activation_function: Activation;
  feature_layer: number;
  feature_norm: string;
  dtype: string;
  /** Size of the weight files (bytes). */
  bytes: number;
  costs: OutputCost[];
}

interface OutputCost {
  output: 'features' | 'classes' | 'likelihood' | 'logits';
  /** Whether it costs a pass of its own beside other outputs; the others share one. */
  own_pass: boolean;
  /** How many blocks are computed. */
  layers: number;
  /** GFLOP per picture, every query against every key. */
  gflop: number;
  /** GFLOP per picture without the masked half of the attention. */
  gflop_causal: number;
}

/** Describes a checkpoint without reading its weights. */
export function summarize(checkpoint: Checkpoint): CheckpointSummary {
  const { config, weights, preprocessing, probe, labels, classFunction, noClasses, unknownKeys } = checkpoint;
  const { n_layer, n_embd, n_head, n_positions, n_colors, objective, feature_layer, feature_norm } = config;
  const stored = listWeights(weights);
  return {
    name: checkpoint.name,
    variant: variantOf(config) ?? 'custom',
    layout: weights.layout,
    objective,
    n_layer,
    n_embd,
    n_head,
    n_positions,
    n_colors,
    parameters: stored.reduce((sum, weight) => sum + elementsOf(weight.shape), 0),
    paper_parameters: paperParameters(config),
    resolution: preprocessing === undefined ? null : { height: preprocessing.height, width: preprocessing.width },
    crop: preprocessing?.crop ?? null,
    resample: preprocessing?.resample ?? null,
    class_head: probe !== undefined ? 'probe' : weights.score !== undefined ? 'score' : null,
    ...inputFacts(checkpoint),
    class_function: labels.length === 0 || noClasses !== undefined ? null : classFunction,
    no_classes: noClasses ?? null,
    labels,
    unknown_keys: unknownKeys,
    activation_function: config.activation_function,
    feature_layer,
    feature_norm,
    dtype: [...new Set(stored.map((weight) => weight.dtype))].join(', '),
    bytes: checkpoint.weightBytes,
    costs: costs(checkpoint),
  };
}

function inputFacts(checkpoint: Checkpoint): Pick<CheckpointSummary, 'input' | 'input_reason'> {
  const { probe, weights, inputReason = null } = checkpoint;
  if (probe !== undefined && checkpoint.config.objective === 'ar') {
    return { input: 'sos', input_reason: 'a probe is fitted on features behind SOS' };
  }
  if (probe === undefined && weights.score === undefined) return { input: null, input_reason: null };
  return { input: classInput(checkpoint) ?? null, input_reason: inputReason };
}

/** Parameters as the paper counts them: L (12 d^2 + 2 d) + d + n d + 2 V d, and d for SOS in an autoregressive model. */
export function paperParameters(config: ImageGptConfig): number {
  const { n_layer: L, n_embd: d, n_inner, n_positions: n, n_colors: V, objective } = config;
  const block = 4 * d * d + 2 * d * n_inner + 2 * d;
  return L * block + d + n * d + 2 * V * d + (objective === 'ar' ? d : 0);
}

/** Work of the forward pass of one picture (FLOP; 2 per multiply-add). */
export interface Cost {
  /** Every query against every key. */
  full: number;
  /** Without the half of the attention that the causal mask hides; equal to `full` for BERT. */
  causal: number;
}

/** Embeddings and the first `layers` blocks. */
export function blocksCost(config: ImageGptConfig, layers: number): Cost {
  const { n_positions: n, n_embd: d, n_inner, objective } = config;
  const qkv = 2 * n * d * (3 * d);
  const scores = 2 * n * n * d;
  const weightedSum = 2 * n * n * d;
  const projection = 2 * n * d * d;
  const mlp = 2 * (2 * n * d * n_inner);
  const full = layers * (qkv + scores + weightedSum + projection + mlp);
  return { full, causal: objective === 'bert' ? full : full - (layers * (scores + weightedSum)) / 2 };
}

/** The whole model, up to the logits of every token. */
export function logitsCost(config: ImageGptConfig): Cost {
  const { n_layer, n_positions, n_embd, n_colors } = config;
  return withHead(blocksCost(config, n_layer), 2 * n_positions * n_embd * n_colors);
}

/** A class head [C, width] on the features of layer `layer` [width]. */
export function classesCost(config: ImageGptConfig, layer: number, classes: number, width: number): Cost {
  return withHead(blocksCost(config, layer), 2 * classes * width);
}

function withHead(blocks: Cost, head: number): Cost {
  return { full: blocks.full + head, causal: blocks.causal + head };
}

function costs(checkpoint: Checkpoint): OutputCost[] {
  const { config, weights, probe } = checkpoint;
  const { n_layer, n_embd, feature_layer, objective } = config;
  const list = [outputCost('features', feature_layer, blocksCost(config, feature_layer))];
  if (probe !== undefined) {
    const layer = Math.max(...probe.layers);
    const width = probe.layers.length * n_embd;
    list.push(outputCost('classes', layer, classesCost(config, layer, probe.labels.length, width)));
  } else if (weights.score !== undefined) {
    const classes = weights.score.shape[0] ?? 0;
    const cost = outputCost('classes', n_layer, classesCost(config, n_layer, classes, n_embd));
    list.push({ ...cost, own_pass: classInput(checkpoint) === 'plain' });
  }
  if (weights.lmHead !== undefined) {
    if (objective === 'ar') {
      list.push(outputCost('likelihood', n_layer, logitsCost(config)));
    }
    list.push(outputCost('logits', n_layer, logitsCost(config)));
  }
  return list;
}

function outputCost(output: OutputCost['output'], layers: number, { full, causal }: Cost): OutputCost {
  return { output, own_pass: false, layers, gflop: full / 1e9, gflop_causal: causal / 1e9 };
}
