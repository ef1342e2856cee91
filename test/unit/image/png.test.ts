import sharp from 'sharp';
import { expect, it } from 'vitest';
import { writePng } from '../../../lib/image/png.ts';

it('writes a PNG that decodes to the same pixels', async () => {
  const rgb = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9);
  const png = await writePng(rgb, 2, 3);
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width: 2, height: 3, channels: 3 });
  expect([...data]).toEqual([...rgb]);
});
