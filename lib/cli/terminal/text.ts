import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

/** A share as a percentage with one digit; a dash for what was not measured. */
export function percent(share: number): string {
  return Number.isNaN(share) ? '-' : (100 * share).toFixed(1);
}

/**
 * `text` as it may be shown on a terminal: names of files come from strangers, and a control character in one could
 * move the cursor, recolour the screen or break a line in two. Each becomes its JSON escape.
 */
export function printable(text: string): string {
  return text.replaceAll(
    // Controls, line and paragraph separators, and the marks that turn the reading direction.
    /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `text` in red where `stream` is a terminal that shows colours; NO_COLOR and FORCE_COLOR are heard. */
export function red(text: string, stream: Writable): string {
  return styleText('red', text, { stream });
}
