/**
 * Keys of the outermost object of a valid JSON text, in order, repeated ones too: JSON.parse keeps only the last of
 * two equal keys and says nothing.
 */
export function topLevelKeys(json: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  let expectsKey = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (character === '"') {
      const start = i;
      for (i++; json[i] !== '"'; i++) {
        if (json[i] === '\\') {
          i++;
        }
      }
      if (depth === 1 && expectsKey) {
        keys.push(String(JSON.parse(json.slice(start, i + 1))));
        expectsKey = false;
      }
    } else if (character === '{' || character === '[') {
      depth++;
      expectsKey = character === '{';
    } else if (character === '}' || character === ']') {
      depth--;
    } else if (character === ',') {
      expectsKey = true;
    }
  }
  return keys;
}
