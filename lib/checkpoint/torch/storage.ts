import { invalidPickle, isKind, type PickleValue } from './pickle-value.ts';

/**
 * PyTorch's storage classes: the dtype of an element and its size (bytes). The legacy format needs the size of every
 * storage in a file, also of those that no weight uses.
 */
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
  'torch.ComplexFloatStorage': { dtype: 'C64', bytes: 8 },
  'torch.ComplexDoubleStorage': { dtype: 'C128', bytes: 16 },
  'torch.QInt8Storage': { dtype: 'QI8', bytes: 1 },
  'torch.QUInt8Storage': { dtype: 'QU8', bytes: 1 },
  'torch.QInt32Storage': { dtype: 'QI32', bytes: 4 },
  'torch.storage.UntypedStorage': { dtype: 'bytes', bytes: 1 },
};

export const storageNames: readonly string[] = Object.keys(storageTypes);

/** An array of numbers that tensors are views of. */
export interface Storage {
  /** Unique in the file; several tensors may share a storage. */
  key: string;
  dtype: string;
  /** Size of an element (bytes). */
  itemBytes: number;
  elements: number;
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

/** Whether `value` counts elements: an integer, zero or above. */
export function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
