import { describe, expect, it } from 'vitest';
import { fuzzedReaders, fuzzReader } from './fuzz-readers.ts';

const runs = 1000;

/** Above the garbage that V8 leaves between collections, below a hostile length of 2^32 (bytes). */
const maxGrowth = 300 * 2 ** 20;

describe(`${runs} damaged files are read or refused in one line, in bounded memory:`, () => {
  it.each(fuzzedReaders.map((reader) => [reader.name, reader] as const))('%s', async (name, reader) => {
    const before = process.memoryUsage.rss();
    const { tried, refused } = await fuzzReader(reader, runs);
    process.stdout.write(`${name}: ${tried} tried, ${refused} refused\n`);

    expect(tried).toBe(runs);
    expect(process.memoryUsage.rss() - before).toBeLessThan(maxGrowth);
  });
});
