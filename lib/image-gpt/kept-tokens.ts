/** Added before rounding down, because 0.29 * 100 is 28.999999999999996. */
const roundingSlack = 1e-9;

/** What `keep` may be, in words. */
export function keepRange(n: number): string {
  return `a share from 0 to 1, or a whole number of tokens from 2 to ${n}`;
}

/**
 * How many of n tokens a completion keeps: a share from 0 to 1, rounded down (0.29 of 100 is 29), or a number of tokens
 * from 2. Undefined if `keep` is neither.
 */
export function keptTokens(keep: number, n: number): number | undefined {
  if (keep >= 0 && keep <= 1) return Math.floor(keep * n + roundingSlack);
  return Number.isInteger(keep) && keep >= 2 && keep <= n ? keep : undefined;
}
