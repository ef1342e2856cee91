import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

/** A share (0 to 1) as a percentage with one decimal; a dash for NaN, which was not measured. */
export function percent(share: number): string {
  return Number.isNaN(share) ? '-' : (100 * share).toFixed(1);
}

/**
 * `text` with control characters replaced by their JSON escapes. Names of files are untrusted: a control character in
 * one could move the cursor, change colours or break a line.
 */
export function printable(text: string): string {
  return text.replaceAll(
    // Controls, line and paragraph separators, and marks that change the reading direction.
    /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `text` in red if `stream` is a terminal with colours. Respects NO_COLOR and FORCE_COLOR. */
export function red(text: string, stream: Writable): string {
  return styleText('red', text, { stream });
}
