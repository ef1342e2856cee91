import { expect, it } from 'vitest';
import { crc32c, maskedCrc32c } from '../../../../lib/checkpoint/tensorflow/table.ts';

it('gives the checksums of RFC 3720, section B.4', () => {
  expect(crc32c(Buffer.alloc(32)).toString(16)).toBe('8a9136aa');
  expect(crc32c(Buffer.alloc(32, 0xff)).toString(16)).toBe('62a8ab43');
  expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))).toString(16)).toBe('46dd794e');
  expect(crc32c(Buffer.from('123456789')).toString(16)).toBe('e3069283');
});

it('continues from the checksum of the previous piece', () => {
  const bytes = Buffer.from('a checksum of pieces is that of the whole');
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes));
  }
});

it('masks as LevelDB does', () => {
  // The mask rotates right by 15 bits, which makes 1 to 0x00020000, and adds 0xa282ead8.
  expect(maskedCrc32c(0)).toBe(0xa282ead8);
  expect(maskedCrc32c(1)).toBe((0x00020000 + 0xa282ead8) >>> 0);
});
