import type { TrainingLoss } from '../graph/training/training-forward.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import { invalidInput } from './error.ts';
import { checkedMask, checkedTokens } from './forward.ts';
import type { TrainingTensor } from './training-execution.ts';

/** Any number of pictures to train on. */
export interface TrainingBatch {
  /** [batch, n] in raster order without SOS, 0..V-1. */
  tokens: Int32Array | Uint16Array;
  /** [batch], 0..C-1; for a class loss. */
  labels?: Int32Array | undefined;
  /** [batch, n], 1 = masked; for BERT models; every picture has a masked token. */
  mask?: Uint8Array | undefined;
}

/** The pictures of a batch that one execution computes. */
export interface BatchShare {
  batch: number;
  /** By the names of the graph's inputs. */
  inputs: ReadonlyMap<string, TrainingTensor>;
}

interface Checks {
  config: ImageGptConfig;
  /** Classes of the head; 0 without one. */
  classes: number;
  loss: TrainingLoss;
}

/**
 * Checks a batch and gives a weight to each token and label, such that the losses of its shares add up to the mean
 * loss.
 *
 * @throws RuntimeError `input_invalid`
 */
export function checkedBatch(batch: TrainingBatch, { config, classes, loss }: Checks) {
  const { n_positions: n, n_colors, objective } = config;
  const tokens = checkedTokens(batch.tokens, n, n_colors);
  const count = tokens.length / n;
  const mask = checkedMask(batch.mask, tokens.length, objective === 'bert');
  if (objective === 'bert' && mask === undefined)
    throw invalidInput('Expected a mask to train a BERT model, received none.');
  const unmasked = mask && unmaskedPicture(mask, n);
  if (unmasked !== undefined)
    throw invalidInput(`Expected a masked token in every picture, received none for picture ${unmasked}.`);
  const labels = loss === 'generative' ? undefined : checkedLabels(batch.labels, count, classes);
  const tokenWeights =
    mask === undefined ? new Float32Array(tokens.length).fill(1 / tokens.length) : maskWeights(mask, n);
  function share(start: number, length: number): BatchShare {
    const range = [start * n, (start + length) * n] as const;
    const inputs = new Map<string, TrainingTensor>([
      ['tokens', { type: 'int32', data: tokens.slice(...range) }],
      ['token_weights', { type: 'float32', data: tokenWeights.slice(...range) }],
      ['class_weights', { type: 'float32', data: new Float32Array(length).fill(1 / count) }],
    ]);
    if (mask !== undefined) inputs.set('mask', { type: 'bool', data: mask.slice(...range) });
    if (labels !== undefined) inputs.set('labels', { type: 'int32', data: labels.slice(start, start + length) });
    return { batch: length, inputs };
  }
  return { count, share };
}

/** The first picture of `masks` [N, n] with nothing masked, which has no loss; undefined if there is none. */
export function unmaskedPicture(masks: Uint8Array, n: number): number | undefined {
  for (let start = 0; start < masks.length; start += n) {
    if (!masks.subarray(start, start + n).includes(1)) return start / n;
  }
  return undefined;
}

/** Mean over the pictures of the mean over their masked tokens (model.py, `bert`). */
function maskWeights(mask: Uint8Array, n: number): Float32Array {
  const weights = new Float32Array(mask.length);
  const pictures = mask.length / n;
  for (let picture = 0; picture < pictures; picture++) {
    const own = mask.subarray(picture * n, (picture + 1) * n);
    const masked = own.reduce((total, value) => total + value, 0);
    own.forEach((value, i) => {
      if (value === 1) weights[picture * n + i] = 1 / (masked * pictures);
    });
  }
  return weights;
}

function checkedLabels(labels: Int32Array | undefined, count: number, classes: number): Int32Array {
  if (labels?.length !== count)
    throw invalidInput(`Expected ${count} labels, one per picture, received ${labels?.length ?? 0}.`);
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0)
    throw invalidInput(`Expected labels from 0 to ${classes - 1}, received ${labels[wrong]} for picture ${wrong}.`);
  return labels;
}
