import type { Weight } from '../graph/weights.ts';
import { CheckpointError } from './error.ts';
import type { StoredTensor } from './weight-files.ts';

/** Finds tensors by name, checks them, and remembers which were read. */
export interface TensorReader {
  /** @throws CheckpointError if the tensor is missing, has another shape, or is not a float */
  required(name: string, shape: readonly number[]): Weight;
  /** Like `required`, but undefined for a missing tensor. */
  optional(name: string, shape: readonly number[]): Weight | undefined;
  /** Like `optional`, with any number of rows: [rows, columns]. */
  optionalRows(name: string, columns: number): Weight | undefined;
  /**
   * Refuses a model with a part that our graph does not compute.
   *
   * @throws CheckpointError if a tensor was not read and `ignored` does not match its name
   */
  refuseOthers(ignored: RegExp): void;
}

export function createTensorReader(tensors: ReadonlyMap<string, StoredTensor>): TensorReader {
  const read = new Set<string>();

  function optional(name: string, shape: readonly number[]): Weight | undefined {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      return undefined;
    }
    read.add(name);
    const found = withoutLeadingOne(tensor.shape, shape.length);
    if (found.length !== shape.length || found.some((size, i) => size !== shape[i])) {
      throw new CheckpointError(
        'tensor_shape',
        `Tensor ${name} has shape [${tensor.shape.join(', ')}]; expected [${shape.join(', ')}] from config.json.`,
      );
    }
    return toWeight(tensor, found);
  }

  return {
    optional,
    required(name, shape) {
      const weight = optional(name, shape);
      if (weight === undefined) {
        throw new CheckpointError(
          'tensor_missing',
          `Tensor ${name} [${shape.join(', ')}] is missing from the weights; check that config.json belongs to them.`,
        );
      }
      return weight;
    },
    optionalRows(name, columns) {
      const rows = tensors.get(name)?.shape.at(-2);
      return optional(name, [rows ?? 1, columns]);
    },
    refuseOthers(ignored) {
      for (const name of tensors.keys()) {
        if (!read.has(name) && !ignored.test(name)) {
          throw new CheckpointError(
            'tensor_unexpected',
            `The weights hold tensor ${name}, which an iGPT of this config.json does not have.`,
          );
        }
      }
    },
  };
}

/** TensorFlow checkpoints may store [d, 4d] as [1, d, 4d]; the bytes are the same. */
function withoutLeadingOne(shape: readonly number[], rank: number): readonly number[] {
  return shape.length === rank + 1 && shape[0] === 1 ? shape.slice(1) : shape;
}

function toWeight({ name, file, offset, length, dtype }: StoredTensor, shape: readonly number[]): Weight {
  switch (dtype) {
    case 'F32':
    case 'F16':
    case 'BF16':
      return { name, file, offset, length, dtype, shape };
    default:
      throw new CheckpointError('tensor_dtype', `Tensor ${name} is ${dtype}; expected F32, F16 or BF16.`);
  }
}
