import { UsageError } from '../usage-error.ts';

/** A share such as 0.29 is no binary fraction: 0.29 * 100 comes out as 28.999999999999996. */
const FLOAT_SLIP = 1e-9;

/**
 * How many of n tokens `--keep` keeps: a share of them from 0 to 1 (rounded down, less a float's slip: 0.29 of 100 is 29), or from 2 on a whole number of them.
 *
 * @throws UsageError
 */
export function keptTokens(keep: number, n: number): number {
  if (keep <= 1) {
    return Math.floor(keep * n + FLOAT_SLIP);
  }
  if (!Number.isInteger(keep) || keep > n) {
    throw new UsageError(`--keep ${keep}: expected a share from 0 to 1, or a whole number of tokens from 2 to ${n}`);
  }
  return keep;
}
