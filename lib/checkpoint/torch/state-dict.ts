import { elementsOf } from '../../graph/graph.ts';
import { CheckpointError } from '../error.ts';
import { invalidPickle, isKind, type PickleValue } from './pickle-value.ts';

/** PyTorch's storage classes: the safetensors dtype of an element and its size (bytes). */
const storageTypes: Readonly<Record<string, { dtype: string; bytes: number }>> = {
  'torch.FloatStorage': { dtype: 'F32', bytes: 4 },
  'torch.HalfStorage': { dtype: 'F16', bytes: 2 },
  'torch.BFloat16Storage': { dtype: 'BF16', bytes: 2 },
  'torch.DoubleStorage': { dtype: 'F64', bytes: 8 },
  'torch.LongStorage': { dtype: 'I64', bytes: 8 },
  'torch.IntStorage': { dtype: 'I32', bytes: 4 },
  'torch.ShortStorage': { dtype: 'I16', bytes: 2 },
  'torch.CharStorage': { dtype: 'I8', bytes: 1 },
  'torch.ByteStorage': { dtype: 'U8', bytes: 1 },
  'torch.BoolStorage': { dtype: 'BOOL', bytes: 1 },
};

const rebuildTensor = 'torch._utils._rebuild_tensor_v2';
const rebuildParameter = 'torch._utils._rebuild_parameter';

/** Every global that a state dict may name. None of them is called. */
export const allowedGlobals: ReadonlySet<string> = new Set([
  'collections.OrderedDict',
  rebuildTensor,
  rebuildParameter,
  ...Object.keys(storageTypes),
]);

/** Keys under which training scripts save the state dict next to other data. */
const stateDictKeys = ['state_dict', 'model_state_dict', 'model'];

/** An array of numbers that tensors are views of. */
export interface Storage {
  /** Unique in the file; several tensors may share a storage. */
  key: string;
  dtype: string;
  /** Size of an element (bytes). */
  itemBytes: number;
  elements: number;
}

/** A tensor of a state dict: a view of a storage. */
export interface TensorView {
  name: string;
  storage: Storage;
  shape: readonly number[];
  /** Steps along each axis (elements). */
  strides: readonly number[];
  /** Position in the storage (elements). */
  offset: number;
}

/**
 * The tensors of a state dict: a dict from names to tensors, or a dict that holds one under a usual key. Values that are
 * not tensors are ignored.
 *
 * @throws CheckpointError `weights_invalid`
 */
export function stateDictTensors(value: PickleValue): TensorView[] {
  const own = tensorsOf(value);
  if (own.length > 0) return own;
  const wrapped = isKind(value, 'dict')
    ? value.entries.find(([key]) => typeof key === 'string' && stateDictKeys.includes(key))?.[1]
    : undefined;
  const inner = wrapped === undefined ? [] : tensorsOf(wrapped);
  if (inner.length > 0) return inner;
  throw invalidPickle('it has no state dict, expected a dict from names to tensors, or one under the key state_dict');
}

function tensorsOf(value: PickleValue): TensorView[] {
  if (!isKind(value, 'dict')) return [];
  const tensors = new Map<string, TensorView>();
  for (const [key, item] of value.entries) {
    if (typeof key === 'string' && isKind(item, 'call')) tensors.set(key, toTensor(key, item.name, item.args));
  }
  return [...tensors.values()];
}

function toTensor(name: string, callable: string, args: readonly PickleValue[]): TensorView {
  const [first] = args;
  if (callable === rebuildParameter) {
    if (!isKind(first, 'call') || first.name !== rebuildTensor) throw invalidPickle(`parameter ${name} has no tensor`);
    return toTensor(name, first.name, first.args);
  }
  const [, offset, sizes, steps] = args;
  const shape = integers(sizes);
  const strides = integers(steps);
  if (callable !== rebuildTensor || typeof offset !== 'number' || shape === undefined || strides === undefined) {
    throw invalidPickle(`${name} is not a tensor`);
  }
  if (!isKind(first, 'persistent')) throw invalidPickle(`tensor ${name} has no storage`);
  const storage = readStorage(first.id);
  refuseOutside(name, shape, strides, offset, storage.elements);
  return { name, shape, strides, offset, storage };
}

/**
 * Reads a persistent id: ('storage', type, key, location, elements). The legacy format adds a view, which must be empty.
 *
 * @throws CheckpointError `weights_invalid`
 */
export function readStorage(id: PickleValue): Storage {
  const [tag, type, key, , elements, view] = isKind(id, 'tuple') ? id.items : [];
  const kind = isKind(type, 'global') ? storageTypes[type.name] : undefined;
  if (
    tag !== 'storage' ||
    kind === undefined ||
    typeof key !== 'string' ||
    !isSize(elements) ||
    (view ?? null) !== null
  ) {
    throw invalidPickle('a storage is described in an unknown way');
  }
  return { key, dtype: kind.dtype, itemBytes: kind.bytes, elements };
}

function refuseOutside(
  name: string,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  available: number,
): void {
  const elements = elementsOf(shape);
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] ?? 0), offset);
  // A storage with fewer elements than the shape is an expanded tensor, whose copy could have any size.
  const fits = elements === 0 || (last < available && elements <= available);
  if (shape.length !== strides.length || !isSize(offset) || !Number.isSafeInteger(elements) || !fits) {
    throw invalidPickle(
      `tensor ${name} of shape [${shape.slice(0, 8).join(', ')}] does not fit its storage of ${available} elements`,
    );
  }
}

function integers(value: PickleValue | undefined): number[] | undefined {
  const items = isKind(value, 'tuple') || isKind(value, 'list') ? value.items : undefined;
  return items?.every(isSize) ? [...items] : undefined;
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** The file has `found`, which PyTorch does not write. */
export function invalidTorchFile(file: string, found: string): CheckpointError {
  return new CheckpointError('weights_invalid', `${file} is not a valid PyTorch file: it has ${found}.`);
}
