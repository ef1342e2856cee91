import { describe, expect, it } from 'vitest';
import { fuzzedReaders, fuzzReader } from '../../support/fuzz-readers.ts';

const RUNS = 1000;

/** A reader that believed a length of 2^32 would take more; what V8 leaves lying before it collects fits. */
const MAX_GROWTH = 300 * 2 ** 20;

describe(`${RUNS} damaged files are read all the same or refused in one line, in bounded memory:`, () => {
  it.each(fuzzedReaders.map((reader) => [reader.name, reader] as const))('%s', async (name, reader) => {
    const before = process.memoryUsage.rss();
    const { tried, refused } = await fuzzReader(reader, RUNS);
    process.stdout.write(`${name}: ${tried} tried, ${refused} refused\n`);

    expect(tried).toBe(RUNS);
    expect(process.memoryUsage.rss() - before).toBeLessThan(MAX_GROWTH);
  });
});
