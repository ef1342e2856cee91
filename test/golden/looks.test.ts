import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodePicture, restrictLibvips } from '../../lib/decode/decode-picture.ts';
import { createQuantizer } from '../../lib/image-gpt/quantizer.ts';

const looks = (name: string) => readFileSync(new URL(`../fixtures/golden/looks/${name}`, import.meta.url));
const settings = {
  recipe: { width: 16, height: 16, resample: 2, crop: 'none' },
  maxPixels: 1e6,
  allowSvg: false,
  scaledDecoding: false,
} as const;

// With SVG: the loaders stay restricted for the tests that run after these in the same process.
beforeAll(() => restrictLibvips(true));

describe('decodePicture, compared with Pillow 13 and LittleCMS', () => {
  const tokens: Record<string, number[]> = JSON.parse(looks('tokens.json').toString());
  const nano = JSON.parse(
    readFileSync(new URL('../../lib/models/igpt-nano/preprocessor_config.json', import.meta.url), 'utf8'),
  );
  const quantize = createQuantizer(Float32Array.from(nano.clusters.flat()));

  it.each(Object.keys(tokens).filter((name) => !name.endsWith('.avif')))(
    'gives the same tokens for %s',
    async (name) => {
      const { rgb } = await decodePicture(looks(name), settings);
      expect([...quantize(rgb)]).toEqual(tokens[name]);
    },
  );

  // AVIF is lossy, and its decoders differ by a few levels: one token may be the one beside it.
  it.each(['sequence.avif', 'mif1.avif'])('gives the same tokens but for one for %s', async (name) => {
    const { rgb, format } = await decodePicture(looks(name), settings);
    expect(format).toBe('avif');
    const ours = quantize(rgb);
    expect(tokens[name]!.filter((token, i) => token !== ours[i]).length).toBeLessThanOrEqual(1);
  });

  it('names the coding of a sound JPEG that it cannot decode', async () => {
    await expect(decodePicture(looks('twelve-bit.jpg'), settings)).rejects.toMatchObject({
      code: 'unsupported_format',
      message:
        'Expected an ordinary JPEG, received one with 12 bits per sample: convert it to an ordinary JPEG or PNG.',
    });
  });
});
