/** Draws a number from [0, 1) with 32 random bits. */
export type Random = () => number;

/** Discarded draws, so that similar seeds give unrelated streams. The number is PractRand's. */
const warmUpDraws = 15;

/**
 * Creates an sfc32 generator (Chris Doty-Humphrey, PractRand): 128 bits of state, period at least 2^32. `seed` and
 * `stream` are the first two words of the state, so every stream of a seed is an independent generator.
 */
export function createRandom(seed: number, stream: number): Random {
  let a = seed | 0;
  let b = stream | 0;
  let c = 0;
  let counter = 1;
  function next(): number {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  }
  for (let i = 0; i < warmUpDraws; i++) next();
  return next;
}
