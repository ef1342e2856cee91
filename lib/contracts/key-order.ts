/** Length of `text` in UTF-8 (bytes), computed without encoding it. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) bytes += 1;
    // A unit above U+07FF takes three bytes. A surrogate takes two, so that a pair takes four.
    if (unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff)) bytes += 1;
  }
  return bytes;
}

/**
 * Compares two keys in the order of S3's listings: by their UTF-8 bytes. JavaScript's `<` compares UTF-16 units, which
 * puts U+10000 and above before U+E000 to U+FFFF. Returns a negative number if `a` comes first, 0 if they are equal.
 */
export function compareKeys(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return byteRank(x) - byteRank(y);
  }
  return a.length - b.length;
}

/** Surrogates encode the highest code points, so they rank last. */
function byteRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
