import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openDecoder } from '../../../lib/decode/decoder-pool.ts';

/** A collection of good and hostile pictures that is not part of the repository. */
const corpus = new URL('../../../../shared/images/', import.meta.url);

/** Expected result of each file of `bad/`: its format if it can be decoded, else an error code. */
const badFiles: Record<string, string> = {
  'bad_comment_length.jpeg': 'jpeg',
  'bomb_3000_frames_2000x2000.gif': 'gif',
  'bomb_billion_laughs.svg': 'unsupported_format',
  'bomb_declared_65500.jpg': 'image_too_large',
  'bomb_iccp_100mb.png': 'png',
  'bomb_rgba16_11000x11000.png': 'image_too_large',
  'bomb_ztxt_200mb.png': 'png',
  'decompression_bomb_pillow.gif': 'corrupt_image',
  'empty.jpg': 'empty_object',
  'exif_ifd_loop.jpg': 'jpeg',
  'frame_out_of_bounds.gif': 'gif',
  'html_named.png': 'unsupported_format',
  'jpeg_named.png': 'jpeg',
  'magic_only.png': 'corrupt_image',
  'no_frames.gif': 'corrupt_image',
  'one_byte.png': 'unsupported_format',
  'pixel_data_none.gif': 'corrupt_image',
  'png_bad_ihdr_crc.png': 'corrupt_image',
  'png_bad_zlib.png': 'corrupt_image',
  'png_no_idat.png': 'corrupt_image',
  'png_php_text.png': 'png',
  'png_short_idat.png': 'corrupt_image',
  'png_zero_width.png': 'corrupt_image',
  'polyglot_gif_js.gif': 'corrupt_image',
  'polyglot_jpeg_html.jpg': 'jpeg',
  'random.jpg': 'unsupported_format',
  'random_with_jpeg_magic.jpg': 'corrupt_image',
  'svg_nested_use.svg': 'unsupported_format',
  'svg_xxe_ssrf.svg': 'unsupported_format',
  'truncated.avif': 'corrupt_image',
  'truncated.gif': 'corrupt_image',
  'truncated.jpg': 'corrupt_image',
  'truncated.png': 'corrupt_image',
  'truncated.tif': 'corrupt_image',
  'truncated_interlaced.png': 'corrupt_image',
  'truncated_progressive.jpg': 'corrupt_image',
  'truncated_wuffs_progressive.jpeg': 'corrupt_image',
};

/** The only files of `good/` that are refused: their formats are not accepted. */
const refusedFiles: Record<string, string> = {
  'bricks.bmp': 'unsupported_format',
  'coffee.heic': 'unsupported_format',
  'coffee_10bit.heic': 'unsupported_format',
  'hopper_lab.tif': 'unsupported_format',
  'shapes.svg': 'unsupported_format',
  'text.svg': 'unsupported_format',
};

/**
 * SHA-256 of the pixels that Pillow 12.3 gives for transparent pictures: `Image.alpha_composite` over white, then
 * `resize((32, 32), Image.BILINEAR)`.
 */
const overWhite: Record<string, string> = {
  'animated.webp': '660975817b0150df18ae84cc0515902c4de09ce0385e45dab2df87f26d46f1e9',
  'chelsea_alpha.png': 'c28597faaf09f8de1bc70cd8a58921f8597703023f82e75bbf05df765d5dc256',
  'pngsuite_bggn4a16.png': 'f7b2056a33b1fd5ed19d67e08e9a5258181f63d1026a98f33d56f1c10d082428',
  'pngsuite_tbgn2c16.png': 'ebefb12e340b9af9e649bebb3506b17e89726a47af24cfa9fd03a918ee5599c3',
};

describe.skipIf(!existsSync(corpus))('the picture corpus', () => {
  const files: { file: string }[] = existsSync(corpus)
    ? JSON.parse(readFileSync(new URL('manifest.json', corpus), 'utf8'))
    : [];
  const decoder = openDecoder({ width: 32, height: 32, resample: 2, crop: 'none' }, { size: 2 });
  afterAll(() => decoder.close());

  async function outcome(file: string): Promise<string> {
    const path = file.split('/').map(encodeURIComponent).join('/');
    try {
      const { format, rgb } = await decoder.decode(readFileSync(new URL(path, corpus)));
      expect(rgb, file).toHaveLength(3072);
      return format;
    } catch (error) {
      const { code, message } = error as Error & { code: string };
      expect(message, file).not.toMatch(/[/\\]|buffer|vips/i);
      return code;
    }
  }

  it('gives a picture or an error code for each hostile file', async () => {
    const bad = files.filter(({ file }) => file.startsWith('bad/')).map(({ file }) => file);
    const outcomes = await Promise.all(bad.map(async (file) => [file.slice(4), await outcome(file)]));
    expect(Object.fromEntries(outcomes)).toEqual(badFiles);
  });

  it('decodes every good file of an accepted format', async () => {
    const good = files.filter(({ file }) => file.startsWith('good/')).map(({ file }) => file);
    const outcomes = await Promise.all(good.map(async (file) => [file.slice(5), await outcome(file)]));
    const refused = outcomes.filter(([, end]) => end?.includes('_'));
    expect(Object.fromEntries(refused)).toEqual(refusedFiles);
    expect(outcomes.length - refused.length).toBeGreaterThan(40);
  });

  it('lays transparent pictures over white exactly as Pillow does', async () => {
    for (const [file, expected] of Object.entries(overWhite)) {
      const { rgb } = await decoder.decode(readFileSync(new URL(`good/${file}`, corpus)));
      expect(createHash('sha256').update(rgb).digest('hex'), file).toBe(expected);
    }
  });
});
