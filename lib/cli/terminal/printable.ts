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
