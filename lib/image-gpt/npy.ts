import { ImageGptError } from '../ports/error.ts';

/** Arrays that {@link encodeNpy} writes. */
export type NpyData = Uint8Array | Uint16Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

export interface NpyArray {
  shape: readonly number[];
  /** In C order, whatever the order in the file. */
  data: Float64Array;
  /** NumPy's dtype without the byte order: `u2`, `f4` … */
  dtype: string;
}

/** An npy file is damaged, or has a type that we do not read. */
export class NpyError extends ImageGptError {
  constructor(message: string) {
    super('npy_invalid', message);
  }
}

/** `\x93NUMPY` */
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** NumPy's own limit (bytes). A longer header could have a shape of a million axes. */
const maxHeaderBytes = 10_000;

/** NumPy pads the header so that the data begins at a multiple of this (bytes). */
const alignment = 64;

type Reader = (view: DataView, offset: number, littleEndian: boolean) => number;

const readers: Readonly<Record<string, { bytes: number; read: Reader }>> = {
  b1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  u1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  i1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  u2: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  i2: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  u4: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  i4: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  u8: { bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
  i8: { bytes: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  f2: { bytes: 2, read: (view, at, little) => view.getFloat16(at, little) },
  f4: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  f8: { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
};

/** Header of an npy file. */
export interface NpyHeader {
  shape: readonly number[];
  /** NumPy's dtype without the byte order. */
  dtype: string;
  littleEndian: boolean;
  fortran: boolean;
  /** Offset of the first value (bytes). */
  dataStart: number;
  /** Size of a value (bytes). */
  itemBytes: number;
}

/**
 * Reads an npy file: format 1.0 to 3.0, any number type of at most 64 bits, either byte order, C or Fortran order. Values
 * become doubles, so integers beyond 2^53 are rounded.
 *
 * @throws NpyError
 */
export function decodeNpy(bytes: Uint8Array): NpyArray {
  const header = decodeNpyHeader(bytes);
  const { shape, dtype, dataStart, itemBytes } = header;
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytes.length - dataStart !== count * itemBytes) {
    throw new NpyError(
      `Expected ${count * itemBytes} bytes of data for shape [${shape.join(', ')}] of ${dtype}, received ${bytes.length - dataStart}.`,
    );
  }
  const data = decodeNpyValues(bytes.subarray(dataStart), header);
  return { shape, dtype, data: header.fortran ? fromFortranOrder(data, shape) : data };
}

/**
 * Reads the header from the first bytes of an npy file. The data can then be read piece by piece.
 *
 * @throws NpyError
 */
export function decodeNpyHeader(bytes: Uint8Array): NpyHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw new NpyError('Expected an npy file as numpy.save writes it, received a file with other first bytes.');
  }
  const wide = view.getUint8(6) > 1; // format 2.0 and 3.0 have a 4-byte header length
  const headerStart = wide ? 12 : 10;
  const headerBytes =
    bytes.length < headerStart ? Number.NaN : wide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (headerBytes > maxHeaderBytes) {
    throw new NpyError(`Expected a header of at most ${maxHeaderBytes} bytes, received ${headerBytes} bytes.`);
  }
  const dataStart = headerStart + headerBytes;
  if (!(dataStart <= bytes.length)) {
    throw new NpyError('Expected a whole npy file, received one that ends inside its header.');
  }
  const { order, dtype, fortran, shape } = parseHeader(
    new TextDecoder().decode(bytes.subarray(headerStart, dataStart)),
  );
  const reader = readers[dtype];
  if (reader === undefined) {
    throw new NpyError(`Expected integers or floats of at most 64 bits, received an npy file of dtype ${dtype}.`);
  }
  return { shape, dtype, littleEndian: order !== '>', fortran, dataStart, itemBytes: reader.bytes };
}

/** Reads the values in `bytes`, a piece of the data after the header, in the order of the file. */
export function decodeNpyValues(bytes: Uint8Array, { dtype, littleEndian, itemBytes }: NpyHeader): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Float64Array(bytes.length / itemBytes);
  const { read } = readers[dtype]!;
  for (let i = 0; i < data.length; i++) {
    data[i] = read(view, i * itemBytes, littleEndian);
  }
  return data;
}

function parseHeader(header: string): { order: string; dtype: string; fortran: boolean; shape: number[] } {
  const descr = /'descr'\s*:\s*'([<>|=]?)([a-zA-Z]\d+)'/.exec(header);
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(header);
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header);
  if (descr?.[2] === undefined || fortran === null || shape?.[1] === undefined) {
    throw new NpyError('Expected an npy header with a simple dtype, fortran_order and shape, received another header.');
  }
  const sizes = shape[1]
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number);
  return { order: descr[1] ?? '', dtype: descr[2], fortran: fortran[1] === 'True', shape: sizes };
}

function fromFortranOrder(data: Float64Array, shape: readonly number[]): Float64Array {
  const strides: number[] = [];
  let stride = 1;
  for (const size of shape) {
    strides.push(stride);
    stride *= size;
  }
  const index = shape.map(() => 0);
  return data.map(() => {
    const value = data[index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0)]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < shape[axis]!) {
        break;
      }
      index[axis] = 0;
    }
    return value;
  });
}

/** Dtypes that {@link encodeNpy} writes. */
export type NpyDtype = 'u1' | 'u2' | 'i4' | 'i8' | 'f4' | 'f8';

/**
 * Writes an npy file: format 1.0, little-endian, C order.
 *
 * @throws NpyError when the array's length does not match the shape
 */
export function encodeNpy(data: NpyData, shape: readonly number[]): Uint8Array {
  const count = shape.reduce((product, size) => product * size, 1);
  if (count !== data.length) {
    throw new NpyError(`Expected ${count} elements for shape [${shape.join(', ')}], received ${data.length}.`);
  }
  const header = encodeNpyHeader(dtypeOf(data), shape);
  const file = new Uint8Array(header.length + data.byteLength);
  file.set(header);
  file.set(littleEndianBytes(data), header.length);
  return file;
}

/** Header of an npy file. The data can be streamed after it. */
export function encodeNpyHeader(dtype: NpyDtype, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const order = dtype === 'u1' ? '|' : '<';
  const dictionary = `{'descr': '${order}${dtype}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const start = 10;
  const end = Math.ceil((start + dictionary.length + 1) / alignment) * alignment;
  const bytes = new Uint8Array(end);
  bytes.set(magic);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, end - start, true);
  bytes.set(new TextEncoder().encode(`${dictionary.padEnd(end - start - 1)}\n`), start);
  return bytes;
}

function dtypeOf(data: NpyData): NpyDtype {
  if (data instanceof Uint8Array) {
    return 'u1';
  }
  if (data instanceof Uint16Array) {
    return 'u2';
  }
  if (data instanceof Int32Array) {
    return 'i4';
  }
  if (data instanceof BigInt64Array) {
    return 'i8';
  }
  return data instanceof Float32Array ? 'f4' : 'f8';
}

/** The array's bytes in little-endian order. A view, but a copy on big-endian machines. */
export function littleEndianBytes(data: NpyData): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const machineIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  if (machineIsLittleEndian) {
    return bytes;
  }
  const swapped = bytes.slice();
  for (let i = 0; i < swapped.length; i += data.BYTES_PER_ELEMENT) {
    swapped.subarray(i, i + data.BYTES_PER_ELEMENT).reverse();
  }
  return swapped;
}
