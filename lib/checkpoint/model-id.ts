import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { FeatureNorm } from '../ports/model.ts';
import type { Checkpoint } from './checkpoint.ts';
import { preprocessingHash } from './preprocessing-hash.ts';
import { fileHash, weightHashes } from './weights-hash.ts';

/** Every choice outside the checkpoint that changes a result. */
export interface ResultOptions {
  /** Number format of the computation, for instance `f32`. */
  precision: string;
  /** Names of the outputs that are computed; their order is of no account. */
  outputs: readonly string[];
  /** Of the output `features`; of no account without it. */
  featureLayer: number;
  featureNorm: FeatureNorm;
  /** Whether JPEGs are decoded at reduced size. Default false. */
  scaledDecoding?: boolean;
  /** Whether the weights are laid out anew, which adds up in other steps. Default false. */
  prepack?: boolean;
}

/** 48 bits: results of a few models lie side by side under these ids. */
const hexDigits = 12;

/**
 * `<name>-<12 hex>`: the hash covers weights, probe, palette, labels and every option that changes a result, so that
 * results of different models never meet under one id. Streams the files: 5 GB take seconds.
 *
 * @throws CheckpointError `weights_missing` when a file went away since the checkpoint was opened
 */
export async function modelId(checkpoint: Checkpoint, options: ResultOptions): Promise<string> {
  const { config, preprocessing, probe, labels } = checkpoint;
  const { n_colors, n_positions, n_embd, n_layer, n_head, n_inner, layer_norm_epsilon, objective } = config;
  const { precision, outputs, featureLayer, featureNorm, scaledDecoding = false, prepack = false } = options;
  const identity = {
    format: 'image-gpt-model-1',
    config: { n_colors, n_positions, n_embd, n_layer, n_head, n_inner, layer_norm_epsilon, objective },
    weights: await weightHashes(checkpoint),
    probe: probe === undefined ? null : await fileHash(join(checkpoint.directory, 'probe.safetensors')),
    labels,
    preprocessing: preprocessing === undefined ? null : preprocessingHash(preprocessing, scaledDecoding),
    precision,
    prepack,
    outputs: outputs.toSorted(),
    features: outputs.includes('features') ? [featureLayer, featureNorm] : null,
  };
  const hash = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
  return `${checkpoint.name}-${hash.slice(0, hexDigits)}`;
}
