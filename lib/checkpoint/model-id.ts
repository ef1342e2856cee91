import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { usedInput } from '../image-gpt/class-input.ts';
import type { FeatureNorm } from '../ports/model.ts';
import type { Checkpoint } from './checkpoint.ts';
import { preprocessingHash } from './preprocessing-hash.ts';
import { fileHash, weightHashes } from './weights-hash.ts';

/** Every option that changes a result. */
export interface ResultOptions {
  /** Number format of the computation, for example `f32`. */
  precision: string;
  /** Names of the computed outputs, in any order. */
  outputs: readonly string[];
  /** Layer of the output `features`; ignored without it. */
  featureLayer: number;
  featureNorm: FeatureNorm;
  /** Decode JPEGs at reduced size (default false). */
  scaledDecoding?: boolean;
  /** Let onnxruntime reorder the weights, which changes the order of additions (default false). */
  prepack?: boolean;
}

/** 48 bits: enough to tell apart the few models that share a bucket. */
const hexDigits = 12;

/**
 * `<name>-<12 hex>`. The hash covers weights, probe, palette, labels and every option that changes a result, so two
 * models never share an id. Streams the files: 5 GB take seconds.
 *
 * @throws CheckpointError `weights_missing` if a file was removed after the checkpoint was opened
 */
export async function modelId(checkpoint: Checkpoint, options: ResultOptions): Promise<string> {
  const { config, preprocessing, probe, labels, classFunction } = checkpoint;
  const { n_colors, n_positions, n_embd, n_layer, n_head, n_inner, layer_norm_epsilon, objective } = config;
  const { activation_function } = config;
  const { precision, outputs, featureLayer, featureNorm, scaledDecoding = false, prepack = false } = options;
  const identity = {
    format: 'image-gpt-model-1',
    config: {
      n_colors,
      n_positions,
      n_embd,
      n_layer,
      n_head,
      n_inner,
      layer_norm_epsilon,
      objective,
      // OpenAI's activation and softmax are left out, so that ids from before there was a choice stay the same.
      activation_function: activation_function === 'quick_gelu' ? undefined : activation_function,
    },
    weights: await weightHashes(checkpoint),
    probe: probe === undefined ? null : await fileHash(join(checkpoint.directory, 'probe.safetensors')),
    labels,
    classes: outputs.includes('classification') && classFunction === 'sigmoid' ? classFunction : undefined,
    preprocessing: preprocessing === undefined ? null : preprocessingHash(preprocessing, scaledDecoding),
    precision,
    prepack,
    outputs: outputs.toSorted(),
    features: outputs.includes('features') ? [featureLayer, featureNorm] : null,
    // Added later: absent behind SOS, so that older ids stay.
    ...(usedInput(checkpoint, outputs) === 'plain' && { input: 'plain' }),
  };
  const hash = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
  return `${checkpoint.name}-${hash.slice(0, hexDigits)}`;
}
