import { describe, expect, it } from 'vitest';
import { fuzzedReaders, fuzzReader } from './fuzz-readers.ts';

/** The slow suite tries a thousand. */
const runs = 60;

describe('a damaged file is read or refused in one line, and nothing is left behind:', () => {
  it.each(fuzzedReaders.map((reader) => [reader.name, reader] as const))('%s', async (_, reader) => {
    const { tried, refused } = await fuzzReader(reader, runs);

    expect(tried).toBe(runs);
    expect(refused).toBeGreaterThan(0);
  });
});
