import { describe, expect, it } from 'vitest';
import { samplePixels } from '../../../../lib/training/data/sample-pixels.ts';

/** Picture i has 16 pixels of colours (i, 0..15, 0). */
const read = async (i: number): Promise<Uint8Array> =>
  Uint8Array.from({ length: 48 }, (_, b) => [i, Math.floor(b / 3), 0][b % 3] ?? 0);
const base = { pictures: 10, read, seed: 1, concurrency: 3 };

const colors = (pixels: Uint8Array): string[] =>
  Array.from({ length: pixels.length / 3 }, (_, i) => pixels.subarray(3 * i, 3 * i + 3).join());

describe('sampled pixels', () => {
  it('are each drawn once, eight from a picture when there are enough pictures', async () => {
    const drawn = colors(await samplePixels({ ...base, samples: 40 }));

    expect(new Set(drawn).size).toBe(40);
    expect(new Set(drawn.map((color) => color.split(',')[0])).size).toBe(5);
  });

  it('are more from each picture when there are fewer, and at most all pixels', async () => {
    expect(new Set(colors(await samplePixels({ ...base, samples: 120 }))).size).toBe(120);
    expect(colors(await samplePixels({ ...base, samples: 1000 }))).toHaveLength(160);
  });

  it('are the same for the same seed, in whatever order pictures are read', async () => {
    const slow = async (i: number): Promise<Uint8Array> => {
      if (i % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
      return read(i);
    };
    const first = await samplePixels({ ...base, samples: 40 });

    expect(await samplePixels({ ...base, samples: 40, read: slow, concurrency: 5 })).toEqual(first);
    expect(await samplePixels({ ...base, samples: 40, seed: 2 })).not.toEqual(first);
  });

  it('come from other pictures instead of unreadable ones', async () => {
    const first = new Set(colors(await samplePixels({ ...base, samples: 16 })).map((color) => color.split(',')[0]));
    const others = async (i: number): Promise<Uint8Array | undefined> => (first.has(String(i)) ? undefined : read(i));
    const drawn = colors(await samplePixels({ ...base, samples: 16, read: others }));

    expect(first.size).toBe(2);
    expect(drawn).toHaveLength(16);
    expect(drawn.filter((color) => first.has(color.split(',')[0] ?? ''))).toEqual([]);
  });

  it('are fewer when unreadable pictures cannot be replaced', async () => {
    const some = async (i: number): Promise<Uint8Array | undefined> => (i === 3 ? undefined : read(i));

    expect(colors(await samplePixels({ ...base, samples: 1000, read: some }))).toHaveLength(144);
  });
});
