import type { Weight } from '../graph/weights.ts';
import { CheckpointError } from './error.ts';
import type { StoredTensor } from './weight-files.ts';

/** Takes tensors by name, checks them, and remembers which were taken. */
export interface TensorReader {
  /** @throws CheckpointError when the tensor is missing, has another shape, or is no float */
  required(name: string, shape: readonly number[]): Weight;
  /** The same, but a missing tensor is undefined. */
  optional(name: string, shape: readonly number[]): Weight | undefined;
  /** Rows of a tensor whose number the configuration does not say, as [rows, columns]. */
  optionalRows(name: string, columns: number): Weight | undefined;
  /** @throws CheckpointError when a tensor is left that nobody took and `ignored` does not match: the model has a part that we would leave out */
  refuseOthers(ignored: RegExp): void;
}

export function createTensorReader(tensors: ReadonlyMap<string, StoredTensor>): TensorReader {
  const taken = new Set<string>();

  function optional(name: string, shape: readonly number[]): Weight | undefined {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      return undefined;
    }
    taken.add(name);
    const found = withoutLeadingOne(tensor.shape, shape.length);
    if (found.length !== shape.length || found.some((size, i) => size !== shape[i])) {
      throw new CheckpointError(
        'tensor_shape',
        `Tensor ${name} has shape [${tensor.shape.join(', ')}]; config.json asks for [${shape.join(', ')}].`,
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
          `Tensor ${name} [${shape.join(', ')}] is missing from the weights; is config.json of another model?`,
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
        if (!taken.has(name) && !ignored.test(name)) {
          throw new CheckpointError(
            'tensor_unexpected',
            `The weights hold tensor ${name}, which the model of config.json does not have.`,
          );
        }
      }
    },
  };
}

/** TensorFlow checkpoints may hold [1, d, 4d] for [d, 4d]; the bytes are the same. */
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
