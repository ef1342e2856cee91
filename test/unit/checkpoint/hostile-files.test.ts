import { describe, expect, it } from 'vitest';
import { fuzzedReaders, fuzzReader } from '../../support/fuzz-readers.ts';

/** Thousands are tried in the slow suite. */
const RUNS = 60;

describe('a damaged file is read all the same or refused in one line, and nothing is left behind:', () => {
  it.each(fuzzedReaders.map((reader) => [reader.name, reader] as const))('%s', async (_, reader) => {
    const { tried, refused } = await fuzzReader(reader, RUNS);

    expect(tried).toBe(RUNS);
    expect(refused).toBeGreaterThan(0);
  });
});
