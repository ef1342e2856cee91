import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeKey, keyPart } from '../../../lib/local/path-escape.ts';

/** Segments that are difficult for file systems. */
const hardSegment = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'a',
        'A',
        '.',
        '..',
        '%',
        '%+',
        '%=',
        '%_',
        '%2E',
        '.json',
        '.JSON',
        'con',
        'NUL',
        ' ',
        ':',
        '\\',
        '🐈',
        'é',
        'e\u0301',
      ),
      fc.constantFrom('x'.repeat(100), 'Ж'.repeat(100), '%'.repeat(100), '%~0123456789abcdef'),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join('').replaceAll(/[\0/]/g, ''));

const hardKey = fc
  .array(hardSegment, { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join('/'))
  .filter((key) => key !== '' && key.isWellFormed());

/** The key that listing the names of a path gives. */
function keyOf(names: readonly string[]): string {
  const parts = names.map((name, i) => keyPart(name, i === names.length - 1));
  return parts.map(({ text, continued }, i) => text + (continued || i === parts.length - 1 ? '' : '/')).join('');
}

describe.each([{ foldsCase: false }, { foldsCase: true }])('escaping a key with $foldsCase', (options) => {
  test('can be reversed, so different keys have different paths', () => {
    fc.assert(
      fc.property(hardKey, (key) => {
        expect(keyOf(escapeKey(key, options))).toBe(key);
      }),
      { numRuns: 3000 },
    );
  });

  test('gives names that every common file system accepts', () => {
    fc.assert(
      fc.property(hardKey, (key) => {
        for (const name of escapeKey(key, options)) {
          expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: the test searches for them
          expect(name).not.toMatch(/[\u0000-\u001f/\\:*?"<>|\u007f]|^\.|[. ]$|^$|^(con|nul)(\.|$)/i);
        }
      }),
    );
  });

  test('never makes a file of one key the folder of another', () => {
    fc.assert(
      fc.property(hardKey, hardKey, (a, b) => {
        const file = escapeKey(a, options).join('/');
        // `a` may be the folder of another key, with and without a suffix.
        for (const key of [`${a}/${b}`, `${a}${b}`]) {
          const names = escapeKey(key, options);
          for (let depth = 1; depth < names.length; depth++) expect(names.slice(0, depth).join('/')).not.toBe(file);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

test('ordinary names stay unchanged', () => {
  for (const key of [
    'results/nano-1/IMG_1234.JPG.json',
    'results/nano-1/Été à Žižkov/猫 (1).png.json',
    'a/b-c_d+e,f=g@h.json',
  ]) {
    expect(escapeKey(key).join('/')).toBe(key);
  }
});

test('names with a special meaning for a system are escaped', () => {
  expect(escapeKey('a/../b.json')).toEqual(['a', '%2E%2E', 'b.json']);
  expect(escapeKey('/etc/passwd.json')).toEqual(['%_', 'etc', 'passwd.json']);
  expect(escapeKey('..\\..\\x.json')).toEqual(['%2E.%5C..%5Cx.json']);
  expect(escapeKey('aux/.hidden/100%.json')).toEqual(['%61ux', '%2Ehidden', '100%25.json']);
});

test('a file and a folder of the same name get different names', () => {
  expect(escapeKey('a.json')).toEqual(['a.json']);
  expect(escapeKey('a.json/b.json')).toEqual(['a.jso%6E', 'b.json']);
  expect(escapeKey('a')).toEqual(['a%=']);
});

test('a name over 255 bytes becomes nested folders', () => {
  expect(escapeKey(`${'x'.repeat(250)}.json`)).toEqual([`${'x'.repeat(250)}.json`]);
  expect(escapeKey(`${'x'.repeat(251)}.json`)).toEqual([`${'x'.repeat(200)}%+`, `${'x'.repeat(51)}.json`]);
});

test('if the file system folds case, names that would collide get a hash', () => {
  const [upper, lower] = [escapeKey('IMG.json', { foldsCase: true }), escapeKey('img.json', { foldsCase: true })];
  expect(upper).toEqual([expect.stringMatching(/^IMG%~[0-9a-f]{16}\.json$/)]);
  expect(lower).toEqual(['img.json']);
});

test('a key with NUL or half a character is refused', () => {
  for (const key of ['', 'a\0b', 'a\ud800']) expect(() => escapeKey(key)).toThrow(/Expected a key/);
});
