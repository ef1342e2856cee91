import { UsageError } from './usage-error.ts';

/**
 * How many of n tokens `--keep` keeps: a share of them from 0 to 1 (rounded down), or from 2 on a whole number of them.
 *
 * @throws UsageError
 */
export function keptTokens(keep: number, n: number): number {
  if (keep <= 1) {
    return Math.floor(keep * n);
  }
  if (!Number.isInteger(keep) || keep > n) {
    throw new UsageError(`--keep ${keep}: expected a share from 0 to 1, or a whole number of tokens from 2 to ${n}`);
  }
  return keep;
}
