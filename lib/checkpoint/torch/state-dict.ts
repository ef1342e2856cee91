import { CheckpointError } from '../error.ts';
import { elementsOf } from '../tensor-source.ts';
import { isKind, type PickleValue } from './pickle-value.ts';

/** PyTorch's storage classes: the safetensors dtype of their elements and its bytes. */
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

/** Every global that a state dict may name; none of them is ever called. */
export const allowedGlobals: ReadonlySet<string> = new Set([
  'collections.OrderedDict',
  rebuildTensor,
  rebuildParameter,
  ...Object.keys(storageTypes),
]);

/** Keys under which training scripts keep the state dict beside other things. */
const wrappers = ['state_dict', 'model_state_dict', 'model'];

/** A run of numbers that tensors are views of. */
export interface Storage {
  /** Several tensors may share it. */
  key: string;
  dtype: string;
  /** Bytes of an element. */
  itemBytes: number;
  elements: number;
}

/** What a tensor of a state dict is made of. */
export interface TensorView {
  name: string;
  storage: Storage;
  shape: readonly number[];
  /** In elements, like `offset`. */
  strides: readonly number[];
  /** First element inside the storage. */
  offset: number;
}

/**
 * The tensors of an unpickled state dict, `{name: tensor}` or that under one key more; what is no tensor is left out.
 *
 * @throws CheckpointError `weights_invalid`
 */
export function stateDictTensors(value: PickleValue): TensorView[] {
  const own = tensorsOf(value);
  if (own.length > 0) return own;
  const wrapped = isKind(value, 'dict')
    ? value.entries.find(([key]) => typeof key === 'string' && wrappers.includes(key))?.[1]
    : undefined;
  const inner = wrapped === undefined ? [] : tensorsOf(wrapped);
  if (inner.length > 0) return inner;
  throw invalid('it holds no state dict: expected a dict from names to tensors, or that under the key state_dict');
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
    if (!isKind(first, 'call') || first.name !== rebuildTensor)
      throw invalid(`${name} is a parameter without a tensor`);
    return toTensor(name, first.name, first.args);
  }
  const [, offset, sizes, steps] = args;
  const shape = integers(sizes);
  const strides = integers(steps);
  if (callable !== rebuildTensor || typeof offset !== 'number' || shape === undefined || strides === undefined) {
    throw invalid(`${name} is no tensor`);
  }
  if (!isKind(first, 'persistent')) throw invalid(`${name} has no storage`);
  const storage = readStorage(first.id);
  refuseOutside(name, shape, strides, offset, storage.elements);
  return { name, shape, strides, offset, storage };
}

/**
 * Reads a persistent id: ('storage', type, key, location, elements), and in the legacy form a view, which PyTorch has
 * long left empty.
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
    throw invalid('a storage is not described as PyTorch does it');
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
  // Fewer elements than the shape has: an expanded tensor, whose copy could be of any size.
  const fits = elements === 0 || (last < available && elements <= available);
  if (shape.length !== strides.length || !isSize(offset) || !Number.isSafeInteger(elements) || !fits) {
    throw invalid(`${name} of shape [${shape.slice(0, 8).join(', ')}] passes its storage of ${available} elements`);
  }
}

function integers(value: PickleValue | undefined): number[] | undefined {
  const items = isKind(value, 'tuple') || isKind(value, 'list') ? value.items : undefined;
  return items?.every(isSize) ? [...items] : undefined;
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function invalid(found: string): CheckpointError {
  return new CheckpointError('weights_invalid', `The pickle cannot be imported: ${found}.`);
}

/** XL's has about 250 kB; this bounds what a hostile file can cost. */
export const maxPickleBytes = 16 * 2 ** 20;

/** Where the storages of a file lie, whichever form it has. */
export interface TorchFile {
  tensors: readonly TensorView[];
  /** First byte of the storage of `tensor`; checks what can be checked before it is read. */
  locate(tensor: TensorView): Promise<number>;
}

/** Says what is wrong with a file that PyTorch should have written. */
export function invalidFile(file: string, found: string): CheckpointError {
  return new CheckpointError('weights_invalid', `${file} is not a valid PyTorch file: it has ${found}.`);
}
