import { elementsOf } from '../../graph/graph.ts';
import { invalidPickle, isKind, type PickleValue } from './pickle-value.ts';
import { isSize, readStorage, type Storage, storageNames } from './storage.ts';

/** A tensor of a state dict: a view of a storage. */
export interface TensorView {
  name: string;
  storage: Storage;
  shape: readonly number[];
  /** Steps along each axis (elements). */
  strides: readonly number[];
  /** Position in the storage (elements). */
  offset: number;
  /** PyTorch's negative bit: every stored number has the wrong sign. */
  negative: boolean;
}

/** A tensor of a kind that no weight of an iGPT has. */
export interface UnreadableTensor {
  name: string;
  /** What it is, and how to save it instead. */
  refusal: string;
}

const rebuildTensor = 'torch._utils._rebuild_tensor_v2';
const rebuildParameters: readonly string[] = [
  'torch._utils._rebuild_parameter',
  'torch._utils._rebuild_parameter_with_state',
];
/** A tensor with attributes of Python, or of a subclass. */
const rebuildFromType = 'torch._tensor._rebuild_from_type_v2';
const plainTypes: readonly string[] = ['torch.Tensor', 'torch.nn.parameter.Parameter'];

/** The functions of torch/_utils.py that rebuild other tensors, and why we cannot read those. */
const refusals: Readonly<Record<string, string>> = {
  'torch._utils._rebuild_sparse_tensor': 'is sparse; save it with .to_dense()',
  'torch._utils._rebuild_sparse_csr_tensor': 'is sparse; save it with .to_dense()',
  'torch._utils._rebuild_qtensor': 'is quantized; save it with .dequantize()',
  'torch._utils._rebuild_nested_tensor': 'is nested; save it as one tensor',
  'torch._utils._rebuild_meta_tensor_no_storage': 'has no data (device meta); load the model before you save it',
  'torch._utils._rebuild_wrapper_subclass': 'is of a subclass of Tensor; save a plain tensor',
  'torch._utils._rebuild_device_tensor_from_cpu_tensor': 'is on another device; save it with .cpu()',
  'torch._utils._rebuild_device_tensor_from_numpy': 'is on another device; save it with .cpu()',
  'torch._utils._rebuild_xla_tensor': 'is on another device; save it with .cpu()',
  'torch._utils._rebuild_tensor_v3': 'has a dtype that iGPT does not use; save it as float32',
  'torch._utils._rebuild_tensor': 'is in a format before PyTorch 0.4; load it there and save it again',
};

const dtypes =
  'float32 float float64 double float16 half bfloat16 uint8 int8 int16 short int32 int int64 long bool complex32 complex64 complex128 quint8 qint8 qint32 uint16 uint32 uint64 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz';
const quantizers =
  'per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric per_channel_affine_float_qparams';

/**
 * Every global that a file may name: those that torch.load allows with weights_only=True (PyTorch 2.13,
 * torch/_weights_only_unpickler.py). None of them is called.
 */
export const allowedGlobals: ReadonlySet<string> = new Set([
  'collections.OrderedDict',
  'collections.Counter',
  'torch.Size',
  'torch.device',
  'torch.serialization._get_layout',
  '_codecs.encode',
  // Pickles of protocol 2, which torch.save writes, have Python 2's name of the module.
  ...['bytearray', 'set', 'complex'].flatMap((name) => [`builtins.${name}`, `__builtin__.${name}`]),
  rebuildTensor,
  rebuildFromType,
  ...rebuildParameters,
  ...plainTypes,
  ...Object.keys(refusals),
  ...storageNames,
  ...`${dtypes} ${quantizers}`.split(' ').map((name) => `torch.${name}`),
]);

/**
 * Reads the call that rebuilds a tensor.
 *
 * @returns undefined if the call builds something other than a tensor
 * @throws CheckpointError `weights_invalid`
 */
export function toTensor(name: string, value: PickleValue | undefined): TensorView | UnreadableTensor | undefined {
  if (!isKind(value, 'call')) return undefined;
  const { args } = value;
  if (rebuildParameters.includes(value.name)) return requireTensor(name, args[0]);
  if (value.name === rebuildFromType) {
    const [callable, type, inner] = args;
    if (!isKind(callable, 'global') || !isKind(type, 'global') || !isKind(inner, 'tuple'))
      throw invalidPickle(`${name} is not a tensor`);
    if (!plainTypes.includes(type.name)) return { name, refusal: 'is of a subclass of Tensor; save a plain tensor' };
    return requireTensor(name, { kind: 'call', name: callable.name, args: inner.items });
  }
  const refusal = refusals[value.name];
  if (refusal !== undefined) return { name, refusal };
  return value.name === rebuildTensor ? toView(name, args) : undefined;
}

/** `value` must be a tensor itself, not a parameter around one: a chain of parameters could have any length. */
function requireTensor(name: string, value: PickleValue | undefined): TensorView | UnreadableTensor {
  const nested = isKind(value, 'call') && (rebuildParameters.includes(value.name) || value.name === rebuildFromType);
  const tensor = nested ? undefined : toTensor(name, value);
  if (tensor === undefined) throw invalidPickle(`parameter ${name} has no tensor`);
  return tensor;
}

/** (storage, offset, shape, strides, requires_grad, backward_hooks, metadata) */
function toView(name: string, args: readonly PickleValue[]): TensorView | UnreadableTensor {
  const [first, offset, sizes, steps, , , metadata] = args;
  const shape = integers(sizes);
  const strides = integers(steps);
  if (!isSize(offset) || shape === undefined || strides === undefined) throw invalidPickle(`${name} is not a tensor`);
  if (!isKind(first, 'persistent')) throw invalidPickle(`tensor ${name} has no storage`);
  const storage = readStorage(first.id);
  refuseOutside(name, shape, strides, offset, storage.elements);
  const bits = setBits(name, metadata);
  const unknown = bits.find((bit) => bit !== 'neg');
  if (unknown !== undefined) return { name, refusal: `has the bit ${unknown}; save it with .resolve_conj()` };
  const negative = bits.length > 0;
  if (negative && !/^B?F\d+$/.test(storage.dtype))
    return { name, refusal: 'has the negative bit and is no float; save it with .resolve_neg()' };
  return { name, shape, strides, offset, storage, negative };
}

/** Names of the bits that are set: `neg`, `conj`. Without metadata there are none. */
function setBits(name: string, metadata: PickleValue | undefined): string[] {
  if (metadata === undefined || metadata === null) return [];
  if (!isKind(metadata, 'dict')) throw invalidPickle(`tensor ${name} has unknown metadata`);
  return metadata.entries.flatMap(([bit, value]) => (value === false ? [] : [typeof bit === 'string' ? bit : '?']));
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
  const fits = elements === 0 || last < available;
  if (shape.length !== strides.length || !Number.isSafeInteger(elements) || !fits) {
    throw invalidPickle(
      `tensor ${name} of shape [${shape.join(', ')}] does not fit its storage of ${available} elements`,
    );
  }
}

/** A weight has at most 4. Pickles share tuples, so a small file could hold many tensors of a huge rank. */
const maxRank = 16;

function integers(value: PickleValue | undefined): readonly number[] | undefined {
  const items =
    isKind(value, 'tuple') || isKind(value, 'list')
      ? value.items
      : // torch.Size, as the list that it is built from
        isKind(value, 'call') && value.name === 'torch.Size' && isKind(value.args[0], 'tuple')
        ? value.args[0].items
        : undefined;
  if (items !== undefined && items.length > maxRank)
    throw invalidPickle(`it has a tensor of ${items.length} axes, expected at most ${maxRank}`);
  return items?.every(isSize) ? items : undefined;
}
