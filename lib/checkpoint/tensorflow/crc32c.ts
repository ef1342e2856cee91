/** The Castagnoli polynomial, bits reversed: the checksum of TensorFlow's files. */
const polynomial = 0x82f63b78;

/** Bytes that are taken at a time. */
const slices = 8;

/** table[256 k + b]: the checksum of byte b followed by k zero bytes. */
const table = makeTable();

function makeTable(): Int32Array {
  const sums = new Int32Array(256 * slices);
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? polynomial : 0);
    sums[byte] = sum;
  }
  for (let i = 256; i < sums.length; i++) {
    const before = sums[i - 256] ?? 0;
    sums[i] = (before >>> 8) ^ (sums[before & 0xff] ?? 0);
  }
  return sums;
}

/** CRC-32C of `bytes`, continued from `sum`, the checksum of what came before. */
export function crc32c(bytes: Uint8Array, sum = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length - (bytes.length % slices);
  let crc = ~sum;
  let i = 0;
  for (; i < whole; i += slices) {
    const low = view.getInt32(i, true) ^ crc;
    const high = view.getInt32(i + 4, true);
    crc =
      (table[1792 + (low & 0xff)] ?? 0) ^
      (table[1536 + ((low >>> 8) & 0xff)] ?? 0) ^
      (table[1280 + ((low >>> 16) & 0xff)] ?? 0) ^
      (table[1024 + (low >>> 24)] ?? 0) ^
      (table[768 + (high & 0xff)] ?? 0) ^
      (table[512 + ((high >>> 8) & 0xff)] ?? 0) ^
      (table[256 + ((high >>> 16) & 0xff)] ?? 0) ^
      (table[high >>> 24] ?? 0);
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
  return ~crc >>> 0;
}

/** As LevelDB and TensorFlow store it: a checksum of bytes that hold checksums would be weak without. */
export function maskedCrc32c(sum: number): number {
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
}
