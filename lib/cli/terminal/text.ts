import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

/** A share (0 to 1) as a percentage with one decimal; a dash for NaN, which was not measured. */
export function percent(share: number): string {
  return Number.isNaN(share) ? '-' : (100 * share).toFixed(1);
}

/**
 * Characters that a terminal obeys instead of showing them: controls (C0, DEL, C1), line and paragraph separators, and
 * marks that change the reading direction.
 */
const obeyed = String.raw`[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]`;

/** What our own output means a terminal to obey: line ends, colours, erasing and moving of bars and views. */
const meant = String.raw`[\n\t]|\u001b\[\d{0,2}m|\r?\u001b\[2?[HJK]`;

const anyObeyed = new RegExp(obeyed, 'gu');
const meantOrObeyed = new RegExp(`(${meant})|${obeyed}`, 'gu');

/**
 * `text` with the characters that a terminal obeys replaced by their JSON escapes. Names of files are untrusted: a
 * control character in one could move the cursor, change colours or break a line.
 */
export function printable(text: string): string {
  return text.replaceAll(anyObeyed, jsonEscape);
}

/**
 * Output of any kind for a terminal: like {@link printable}, but line ends and our own control sequences stay. JSON stays
 * JSON with the same value, because such characters stand only inside its strings.
 */
export function printableOutput(text: string): string {
  return text.replaceAll(meantOrObeyed, (character: string, own: string | undefined) => own ?? jsonEscape(character));
}

function jsonEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** `text` in red if `stream` is a terminal with colours. Respects NO_COLOR and FORCE_COLOR. */
export function red(text: string, stream: Writable): string {
  return styleText('red', text, { stream });
}
