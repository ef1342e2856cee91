import { CheckpointError } from '../error.ts';
import type { TensorView } from './state-dict.ts';

/** XL's has about 250 kB; this bounds what a hostile file can cost. */
export const maxPickleBytes = 16 * 2 ** 20;

/** Where the storages of a file lie, whichever form it has. */
export interface TorchFile {
  tensors: readonly TensorView[];
  /** First byte of the storage of `tensor`; checks what can be checked before it is read. */
  locate(tensor: TensorView): Promise<number>;
}

/** Says what is wrong with a file that PyTorch should have written. */
export function invalid(file: string, found: string): CheckpointError {
  return new CheckpointError('weights_invalid', `${file} is not a valid PyTorch file: it has ${found}.`);
}
