/** A share as a percentage with one digit; a dash for what was not measured. */
export function percent(share: number): string {
  return Number.isNaN(share) ? '-' : (100 * share).toFixed(1);
}
