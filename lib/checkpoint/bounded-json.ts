/**
 * Limits of JSON that was made elsewhere (config.json, headers, answers of the hub). The largest real one is the palette
 * of 65,536 colours: 4 MB, pretty-printed 7 MB, with 262,000 values.
 */
export const maxJsonBytes = 10_000_000;

const maxValues = 400_000;

/** No file of a checkpoint nests more than 5. */
const maxDepth = 64;

/**
 * What makes a JSON text too large to parse: 10 MB of brackets would take 1 GB of memory. The text need not be valid.
 *
 * @returns undefined if JSON.parse may have it
 */
export function excessOf(json: string): string | undefined {
  let depth = 0;
  let values = 1;
  for (let i = 0; i < json.length; i++) {
    switch (json.charCodeAt(i)) {
      case 0x22: // "
        for (i++; i < json.length && json.charCodeAt(i) !== 0x22; i++) if (json.charCodeAt(i) === 0x5c) i++; // \
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth++;
        values++;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
      case 0x2c: // ,
        values++;
        break;
    }
    if (depth > maxDepth) return `more than ${maxDepth} levels`;
    if (values > maxValues) return `more than ${maxValues} values`;
  }
  return undefined;
}
