import crc from 'crc-32/crc32c.js';

/** CRC-32C of `bytes`, continued from `sum`, the checksum of the previous bytes. */
export function crc32c(bytes: Uint8Array, sum = 0): number {
  return crc.buf(bytes, sum) >>> 0;
}

/** The checksum as LevelDB and TensorFlow store it: masked, because a CRC of data that contains CRCs is weak. */
export function maskedCrc32c(sum: number): number {
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
}
