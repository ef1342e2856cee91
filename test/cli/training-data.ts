import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { createRandom } from '../../lib/image-gpt/random.ts';

const random = createRandom(21, 21);

/** Writes a small PNG of noise around one colour. */
export async function writeNoise(path: string, [r, g, b]: readonly [number, number, number]): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const rgb = Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => ([r, g, b][i % 3] ?? 0) + 50 * random());
  const png = await sharp(rgb, { raw: { width: 8, height: 8, channels: 3 } })
    .png()
    .toBuffer();
  writeFileSync(path, png);
}

/** Writes `count` red and `count` blue pictures into the folders `red` and `blue`, and a damaged one into `blue`. */
export async function redAndBlue(folder: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await writeNoise(join(folder, 'red', `${i}.png`), [180, 20, 20]);
    await writeNoise(join(folder, 'blue', `${i}.png`), [20, 20, 180]);
  }
  writeFileSync(join(folder, 'blue', 'damaged.png'), 'no picture');
}
