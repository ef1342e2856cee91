import type { NonFinite } from '../../checkpoint/non-finite.ts';
import { printable } from '../terminal/printable.ts';

/** More names would hide what they say. */
const NAMED = 5;

/** Says which tensors hold NaN or infinities, how many of them, and what comes of it. */
export function nonFiniteWords(found: readonly NonFinite[]): string {
  const named = found
    .slice(0, NAMED)
    .map(({ tensor, count }) => `${printable(tensor)} (${count.toLocaleString('en')})`);
  const more = found.length > NAMED ? ` and ${found.length - NAMED} more tensors` : '';
  return `the weights hold NaN or infinity, in ${named.join(', ')}${more}: what this model computes is not to be relied on`;
}
