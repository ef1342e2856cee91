/** Draws from [0, 1), 32 bits each. */
export type Random = () => number;

/** Draws that are thrown away, so that near seeds give unlike streams: what PractRand, sfc32's home, does. */
const WARM_UP = 15;

/**
 * sfc32, Chris Doty-Humphrey's small fast counting generator (PractRand): 128 bits of state, period at least 2^32.
 * `seed` and `stream` are its first two words: every stream of a seed is a generator of its own.
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
  for (let i = 0; i < WARM_UP; i++) next();
  return next;
}
