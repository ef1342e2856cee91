import { describe, expect, it } from 'vitest';
import { decodeNpy, encodeNpy, type NpyData, NpyError } from '../../../lib/image-gpt/npy.ts';

/** Builds an npy file by hand. */
function npy(header: string, data: Uint8Array, version = 1): Uint8Array {
  const length = version === 1 ? [header.length & 255, header.length >> 8] : [header.length, 0, 0, 0];
  return Uint8Array.from([0x93, ...Buffer.from('NUMPY'), version, 0, ...length, ...Buffer.from(header), ...data]);
}

describe('npy', () => {
  it.each<[string, NpyData]>([
    ['u1', Uint8Array.of(0, 255, 3, 4, 5, 6)],
    ['u2', Uint16Array.of(0, 65535, 511, 4, 5, 6)],
    ['i4', Int32Array.of(-1, 2 ** 31 - 1, -(2 ** 31), 4, 5, 6)],
    ['i8', BigInt64Array.of(-1n, 2n ** 53n, 3n, 4n, 5n, 6n)],
    ['f4', Float32Array.of(0.5, -1.25, Number.POSITIVE_INFINITY, 4, 5, 6)],
    ['f8', Float64Array.of(0.1, -1e300, 3, 4, 5, 6)],
  ])('reads back what it writes as %s', (dtype, data) => {
    const read = decodeNpy(encodeNpy(data, [2, 3]));

    expect(read.dtype).toBe(dtype);
    expect(read.shape).toEqual([2, 3]);
    expect([...read.data]).toEqual([...data].map(Number));
  });

  it('writes the same bytes as numpy.save', () => {
    // numpy.save of array([[1, 2]], dtype='<u2'): 128 bytes of header, then 1, 2.
    const header = "{'descr': '<u2', 'fortran_order': False, 'shape': (1, 2), }".padEnd(117);
    const expected = npy(`${header}\n`, Uint8Array.of(1, 0, 2, 0));

    expect(Buffer.from(encodeNpy(Uint16Array.of(1, 2), [1, 2])).toString('latin1')).toBe(
      Buffer.from(expected).toString('latin1'),
    );
  });

  it('writes only the view of a larger buffer', () => {
    const data = Uint16Array.of(9, 1, 2, 9).subarray(1, 3);

    expect([...decodeNpy(encodeNpy(data, [2])).data]).toEqual([1, 2]);
  });

  it('writes and reads shapes of no dimension and of one', () => {
    expect(decodeNpy(encodeNpy(Uint8Array.of(7), [])).shape).toEqual([]);
    expect(decodeNpy(encodeNpy(Uint8Array.of(7), [1])).shape).toEqual([1]);
    expect(decodeNpy(encodeNpy(new Uint8Array(), [0, 5])).data).toHaveLength(0);
  });

  it('reads big-endian numbers, Fortran order and the wide headers of format 2', () => {
    // [[1, 2, 3], [4, 5, 6]] column by column
    const columns = Uint8Array.of(0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6);
    const read = decodeNpy(npy("{'descr': '>u2', 'fortran_order': True, 'shape': (2, 3), }", columns, 2));

    expect([...read.data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('reads half floats and booleans', () => {
    const half = npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }", Uint8Array.of(0, 0x3c, 0, 0xc0));
    const bool = npy("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", Uint8Array.of(0, 1));

    expect([...decodeNpy(half).data]).toEqual([1, -2]);
    expect([...decodeNpy(bool).data]).toEqual([0, 1]);
  });

  it.each([
    ['no npy file', Buffer.from('PNG, or anything else')],
    ['nothing', new Uint8Array()],
    ['a header that is cut short', encodeNpy(Uint8Array.of(1), [1]).subarray(0, 40)],
    ['a format 2 header without a length', Uint8Array.from([0x93, ...Buffer.from('NUMPY'), 2, 0, 1, 0])],
    ['missing data', encodeNpy(Uint16Array.of(1, 2), [2]).subarray(0, -1)],
    ['data left over', Uint8Array.from([...encodeNpy(Uint8Array.of(1), [1]), 0])],
    ['complex numbers', npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", new Uint8Array(8))],
    ['records', npy("{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (1,), }", new Uint8Array(2))],
    ['pickled objects', npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", new Uint8Array(8))],
    [
      'a shape that is far larger than the file',
      npy("{'descr': '<u2', 'fortran_order': False, 'shape': (99999999999,), }", new Uint8Array(2)),
    ],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeNpy(bytes)).toThrow(NpyError);
  });

  it('refuses a header that NumPy refuses, and does not count its axes', () => {
    const header = `{'descr': '|u1', 'fortran_order': True, 'shape': (${'1,'.repeat(5000)})}`;
    const bytes = Buffer.concat([Buffer.from('\x93NUMPY\x01\0\0\0', 'latin1'), Buffer.from(header), Buffer.of(7)]);
    bytes.writeUInt16LE(header.length, 8);

    expect(() => decodeNpy(bytes)).toThrow(`at most 10000 bytes, received ${header.length} bytes`);
  });

  it('refuses to write a shape that does not match the data', () => {
    expect(() => encodeNpy(Uint8Array.of(1, 2, 3), [2])).toThrow('Expected 2 elements for shape [2], received 3.');
  });
});
