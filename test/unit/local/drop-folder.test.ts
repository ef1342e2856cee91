import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDropFolder, safeFileName } from '../../../lib/local/drop-folder.ts';

async function* bodyOf(...pieces: string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece);
}

describe('the folder of dropped pictures', () => {
  let root: string;

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'igpt-drop-')));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const read = (key: string): string => readFileSync(join(root, key), 'utf8');

  test('is created with the first picture, and stores each picture under its own name', async () => {
    const drops = openDropFolder(root);
    expect(readdirSync(root)).toEqual([]);
    const keys = await Promise.all(['one', 'two', 'three'].map((body) => drops.add('a/cat.jpg', bodyOf(body))));
    expect(keys.toSorted()).toEqual(['dropped/cat (2).jpg', 'dropped/cat (3).jpg', 'dropped/cat.jpg']);
    expect(keys.map(read)).toEqual(['one', 'two', 'three']);
    expect(readdirSync(join(root, 'dropped'))).toHaveLength(3);
  });

  test('never replaces a file of the user', async () => {
    mkdirSync(join(root, 'dropped'));
    writeFileSync(join(root, 'dropped', 'cat.jpg'), 'mine');
    expect(await openDropFolder(root).add('cat.jpg', bodyOf('new'))).toBe('dropped/cat (2).jpg');
    expect(read('dropped/cat.jpg')).toBe('mine');
  });

  test('contains every picture, whatever its name', async () => {
    const drops = openDropFolder(join(root));
    expect(await drops.add('../../../escaped.png', bodyOf('x'))).toBe('dropped/escaped.png');
    expect(await drops.add('..\\..\\escaped.png', bodyOf('x'))).toBe('dropped/escaped (2).png');
    expect(readdirSync(root)).toEqual(['dropped']);
  });

  test('keeps nothing of an incomplete picture, and passes the error on', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half');
      throw new RangeError('too much');
    }
    await expect(openDropFolder(root).add('cat.jpg', broken())).rejects.toThrow(new RangeError('too much'));
    expect(readdirSync(join(root, 'dropped'))).toEqual([]);
  });

  test('is refused if it is a link to another folder', async () => {
    const elsewhere = realpathSync(mkdtempSync(join(tmpdir(), 'igpt-elsewhere-')));
    symlinkSync(elsewhere, join(root, 'dropped'));
    await expect(openDropFolder(root).add('cat.jpg', bodyOf('x'))).rejects.toMatchObject({
      code: 'drop_folder_elsewhere',
    });
    expect(readdirSync(elsewhere)).toEqual([]);
    rmSync(elsewhere, { recursive: true });
  });

  test('reports that it cannot be created', async () => {
    writeFileSync(join(root, 'dropped'), 'a file');
    await expect(openDropFolder(root).add('cat.jpg', bodyOf('x'))).rejects.toMatchObject({
      code: 'drop_not_kept',
      message: expect.stringContaining('the system said EEXIST'),
    });
    expect(existsSync(join(root, 'dropped'))).toBe(true);
  });
});

describe('the name of a dropped picture', () => {
  test.each([
    ['cat.jpg', 'cat', '.jpg'],
    ['Grüße aus 北京.png', 'Grüße aus 北京', '.png'],
    ['../../etc/passwd', 'passwd', ''],
    ['C:\\Users\\me\\cat.jpg', 'cat', '.jpg'],
    ['..\\..\\cat.jpg', 'cat', '.jpg'],
    ['..', 'picture', ''],
    ['', 'picture', ''],
    ['.hidden.png', 'hidden', '.png'],
    ['a/', 'picture', ''],
    ['cat.jpg\0.html', 'cat.jpg_', '.html'],
    ['<script>.png', '_script_', '.png'],
    ['a:b*c?.png', 'a_b_c_', '.png'],
    ['cat.jpg. . ', 'cat', '.jpg'],
    ['nul.png', '_nul', '.png'],
    ['\u202egnp.exe', '_gnp', '.exe'],
    ['lone \ud800.png', 'lone _', '.png'],
    ['archive.of a long story', 'archive.of a long story', ''],
  ])('%j becomes %j and %j', (name, stem, extension) => {
    expect(safeFileName(name)).toEqual({ stem, extension });
  });

  test('is shortened between characters', () => {
    // 40 characters of 3 bytes fit into 120 bytes.
    const { stem, extension } = safeFileName(`${'北'.repeat(100)}.jpeg`);
    expect(stem).toBe('北'.repeat(40));
    expect(extension).toBe('.jpeg');
  });
});
