import { endianness } from 'node:os';
import { CheckpointError } from './error.ts';
import type { SourceTensor } from './tensor-source.ts';

/** Dtypes that we read and write. */
export type FloatDtype = 'F32' | 'F16' | 'BF16';

export const floatDtypes: readonly FloatDtype[] = ['F32', 'F16', 'BF16'];

/** Bytes per number. */
export const floatBytes: Readonly<Record<FloatDtype, number>> = { F32: 4, F16: 2, BF16: 2 };

/**
 * Data of `tensor` converted to `dtype`; unchanged bytes if it has that dtype. Rounds to nearest, ties to even.
 *
 * @throws CheckpointError `tensor_dtype` if it is not a float, or if a finite number would become infinite
 */
export async function* floatPieces(tensor: SourceTensor, dtype: FloatDtype): AsyncGenerator<Uint8Array> {
  for await (const piece of tensor.pieces()) {
    yield tensor.dtype === dtype ? piece : fromFloat32(toFloat32(piece, tensor), dtype, tensor.name);
  }
}

/** The dtype that we store `dtype` as: F64 becomes F32, as nothing here computes in F64. Undefined if not a float. */
export function keptDtype(dtype: string): FloatDtype | undefined {
  return dtype === 'F64' ? 'F32' : floatDtypes.find((known) => known === dtype);
}

function toFloat32(bytes: Uint8Array, { dtype, name }: SourceTensor): Float32Array {
  requireLittleEndian();
  switch (dtype) {
    case 'F32':
      return new Float32Array(aligned(bytes, 4));
    case 'F64': {
      const wide = new Float64Array(aligned(bytes, 8));
      const narrow = new Float32Array(wide);
      refuseOverflow(wide, (i) => narrow[i] ?? 0, 'F32', name);
      return narrow;
    }
    case 'F16': {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const values = new Float32Array(bytes.length / 2);
      for (let i = 0; i < values.length; i++) values[i] = view.getFloat16(2 * i, true);
      return values;
    }
    case 'BF16': {
      const halves = new Uint16Array(aligned(bytes, 2));
      const bits = new Uint32Array(halves.length);
      for (let i = 0; i < bits.length; i++) bits[i] = (halves[i] ?? 0) << 16;
      return new Float32Array(bits.buffer);
    }
    default:
      throw new CheckpointError('tensor_dtype', `Tensor ${name} is ${dtype}; expected a float dtype.`);
  }
}

/** Bytes of `values` as `dtype`. F32 shares the memory of `values`. */
export function fromFloat32(values: Float32Array, dtype: FloatDtype, name: string): Uint8Array {
  requireLittleEndian();
  switch (dtype) {
    case 'F32':
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    case 'F16': {
      const bytes = new Uint8Array(2 * values.length);
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < values.length; i++) view.setFloat16(2 * i, values[i] ?? 0, true);
      refuseOverflow(values, (i) => view.getFloat16(2 * i, true), dtype, name);
      return bytes;
    }
    case 'BF16': {
      const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
      const halves = new Uint16Array(values.length);
      for (let i = 0; i < bits.length; i++) halves[i] = toBfloat16(bits[i] ?? 0);
      refuseOverflow(values, (i) => (((halves[i] ?? 0) & 0x7fff) === 0x7f80 ? Infinity : 0), dtype, name);
      return new Uint8Array(halves.buffer);
    }
  }
}

/** The upper half of a float32, rounded to nearest, ties to even. */
function toBfloat16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // rounding could turn a NaN into infinity
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function refuseOverflow(
  before: Float32Array | Float64Array,
  after: (index: number) => number,
  dtype: FloatDtype,
  name: string,
): void {
  for (let i = 0; i < before.length; i++) {
    if (!Number.isFinite(after(i)) && Number.isFinite(before[i] ?? 0)) {
      throw new CheckpointError(
        'tensor_dtype',
        `Tensor ${name} holds ${before[i]}, which is too large for ${dtype}; choose ${dtype === 'F16' ? 'bf16 or f32' : 'f32'}.`,
      );
    }
  }
}

/** A typed array must begin at a multiple of its element size: copies if it does not. */
function aligned(bytes: Uint8Array, size: number): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  return buffer instanceof ArrayBuffer &&
    byteOffset === 0 &&
    buffer.byteLength === byteLength &&
    byteLength % size === 0
    ? buffer
    : new Uint8Array(bytes).buffer;
}

function requireLittleEndian(): void {
  if (endianness() !== 'LE') {
    throw new CheckpointError('tensor_dtype', 'Weights can be converted only on a little-endian machine.');
  }
}
