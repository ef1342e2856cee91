import pMap from 'p-map';
import { createRandom } from '../../image-gpt/random.ts';
import { shuffle } from './split.ts';

export interface SamplePixelsOptions {
  /** Number of pictures, N. */
  pictures: number;
  /** Pixels [n, 3] of picture i. Undefined when the picture cannot be read. */
  read: (i: number) => Promise<Uint8Array | undefined>;
  /** Pixels to draw. The result has fewer when the pictures do not have as many. */
  samples: number;
  seed: number;
  /** Pictures read at once. */
  concurrency: number;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Pixels drawn from a picture when there are enough pictures. Neighbouring pixels are alike, so more would add little. */
const pixelsPerPicture = 8;

/** Random stream of the choice of pictures, apart from other draws of the same seed. */
const pictureStream = 0x9_1c5;

/**
 * Draws pixels from pictures, the same for the same seed. It draws as few from each picture as possible, and no pixel
 * twice. A picture that cannot be read is replaced by another while there are more.
 *
 * @returns [samples, 3] in the order of the drawn pictures
 */
export async function samplePixels(options: SamplePixelsOptions): Promise<Uint8Array> {
  const { pictures, read, samples, seed, concurrency, onProgress } = options;
  const order = Uint32Array.from({ length: pictures }, (_, i) => i);
  shuffle(order, createRandom(seed, pictureStream));
  const wanted = Math.min(pictures, Math.ceil(samples / pixelsPerPicture));
  const each = Math.ceil(samples / wanted);
  const found: Uint8Array[] = [];
  let done = 0;
  while (found.length < wanted && done < pictures) {
    const chosen = order.subarray(done, done + wanted - found.length);
    for (const drawn of await drawFrom(chosen)) if (drawn !== undefined) found.push(drawn);
  }
  const pixels = new Uint8Array(found.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of found) {
    pixels.set(part, filled);
    filled += part.length;
  }
  return pixels.subarray(0, samples * 3);

  function drawFrom(chosen: Uint32Array): Promise<(Uint8Array | undefined)[]> {
    const total = done + chosen.length;
    return pMap(
      chosen,
      async (picture) => {
        const rgb = await read(picture);
        done += 1;
        onProgress?.(done, total);
        // One generator a picture, so that the order of reading does not change the result.
        return rgb && drawPixels(rgb, each, createRandom(seed, picture));
      },
      { concurrency },
    );
  }
}

/** `count` pixels of a picture, or all pixels when it has no more. */
function drawPixels(rgb: Uint8Array, count: number, random: () => number): Uint8Array {
  const n = rgb.length / 3;
  if (count >= n) return rgb;
  const indices = Uint32Array.from({ length: n }, (_, i) => i);
  const drawn = new Uint8Array(count * 3);
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(random() * (n - i));
    const pixel = indices[j] ?? 0;
    indices[j] = indices[i] ?? 0;
    drawn.set(rgb.subarray(pixel * 3, pixel * 3 + 3), i * 3);
  }
  return drawn;
}
