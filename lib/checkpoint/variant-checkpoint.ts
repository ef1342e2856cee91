import type { ImageGptConfig } from '../image-gpt/config.ts';
import type { Checkpoint } from './checkpoint.ts';
import { initialWeights } from './initial-weights.ts';
import { bytesOf } from './safetensors/safetensors.ts';
import { weightsByRole } from './weights-by-role.ts';

/** A checkpoint as `igpt init` would write it in f32, without a file: for its sizes and costs, not for running. */
export function variantCheckpoint(name: string, config: ImageGptConfig): Checkpoint {
  const tensors = initialWeights(config, 0, 'F32').map(({ name: tensor, dtype, shape }) => {
    const length = bytesOf(dtype, shape);
    return [tensor, { name: tensor, dtype, shape, file: '', offset: 0, length }] as const;
  });
  return {
    directory: '',
    name,
    config,
    weights: weightsByRole({ directory: '', files: [], bytes: 0, tensors: new Map(tensors) }, config),
    weightFiles: [],
    weightBytes: tensors.reduce((sum, [, { length }]) => sum + length, 0),
    labels: [],
  };
}
