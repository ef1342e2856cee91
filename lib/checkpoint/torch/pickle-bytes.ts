import { invalidPickle } from './pickle-value.ts';

/** Reads a pickle from start to end. Numbers are little-endian. Every method throws `weights_invalid` past the end. */
export interface PickleBytes {
  /** Position of the next byte. */
  readonly at: number;
  take(length: number): Buffer;
  u8(): number;
  u16(): number;
  u32(): number;
  /** A 64-bit length. */
  u64(): number;
  i32(): number;
  /** The only big-endian number in pickles. */
  f64(): number;
  utf8(length: number): string;
  latin1(length: number): string;
  /** Text up to the next line feed, which is consumed. */
  line(): string;
}

export function pickleBytes(bytes: Buffer, start: number): PickleBytes {
  let at = start;
  function take(length: number): Buffer {
    if (length > bytes.length - at) throw invalidPickle(`it is cut short, expected ${length} bytes at ${at}`);
    at += length;
    return bytes.subarray(at - length, at);
  }
  return {
    get at() {
      return at;
    },
    take,
    u8: () => take(1).readUInt8(),
    u16: () => take(2).readUInt16LE(),
    u32: () => take(4).readUInt32LE(),
    u64() {
      const length = take(8).readBigUInt64LE();
      if (length > BigInt(bytes.length))
        throw invalidPickle(`it has a length of ${length} bytes, which passes its end`);
      return Number(length);
    },
    i32: () => take(4).readInt32LE(),
    f64: () => take(8).readDoubleBE(),
    utf8: (length) => take(length).toString('utf8'),
    latin1: (length) => take(length).toString('latin1'),
    line() {
      const end = bytes.indexOf(0x0a, at);
      if (end < 0) throw invalidPickle('it is cut short inside a name');
      const text = bytes.toString('utf8', at, end);
      at = end + 1;
      return text;
    },
  };
}
