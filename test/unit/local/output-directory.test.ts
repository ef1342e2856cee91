import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openOutputDirectory } from '../../../lib/local/output-directory.ts';
import type { ObjectStore } from '../../../lib/ports/object-store.ts';
import { specialFiles } from '../../support/special-files.ts';

let root: string;
let store: ObjectStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'igpt-output-'));
  store = await openOutputDirectory(root);
});

afterEach(() => rm(root, { recursive: true, force: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function put(key: string, text: string, condition?: Parameters<ObjectStore['put']>[2]): Promise<string> {
  const result = await store.put(key, bytes(text), condition);
  return result.status === 'stored' ? result.etag : result.status;
}

async function text(key: string): Promise<string | undefined> {
  const read = await store.get(key);
  return read.status === 'found' ? new TextDecoder().decode(read.body) : undefined;
}

async function keys(options?: { prefix?: string; startAfter?: string }): Promise<string[]> {
  const listed: string[] = [];
  for await (const { key } of store.list(options)) listed.push(key);
  return listed;
}

describe('an output directory', () => {
  test('stores an outcome at the path of its key', async () => {
    await put('results/nano-1/cats/IMG 1.JPG.json', 'hello');
    expect(await readFile(join(root, 'results/nano-1/cats/IMG 1.JPG.json'), 'utf8')).toBe('hello');
  });

  test('creates only if the key is free', async () => {
    expect(await put('a.json', 'first', { ifNoneMatch: '*' })).toMatch(/^"/);
    expect(await put('a.json', 'second', { ifNoneMatch: '*' })).toBe('precondition_failed');
    expect(await text('a.json')).toBe('first');
  });

  test('lets exactly one of many creators succeed', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store.put('x/y.json', bytes(`writer ${i}`), { ifNoneMatch: '*' })),
    );
    expect(results.filter(({ status }) => status === 'stored')).toHaveLength(1);
    expect(await text('x/y.json')).toBe(`writer ${results.findIndex(({ status }) => status === 'stored')}`);
  });

  test('replaces only the version with the given ETag', async () => {
    const first = await put('a.json', 'first');
    const second = await put('a.json', 'second', { ifMatch: first });
    expect(second).not.toBe(first);
    expect(await put('a.json', 'third', { ifMatch: first })).toBe('precondition_failed');
    expect(await put('none.json', 'third', { ifMatch: first })).toBe('precondition_failed');
    expect(await text('a.json')).toBe('second');
  });

  test('lets exactly one of many replacements succeed', async () => {
    const ifMatch = await put('a.json', 'first');
    const results = await Promise.all(Array.from({ length: 20 }, () => put('a.json', 'next', { ifMatch })));
    expect(results.filter((result) => result !== 'precondition_failed')).toHaveLength(1);
  });

  test('gives the same ETag in put, head, get and list', async () => {
    const etag = await put('a.json', 'hello');
    expect((await store.head('a.json'))?.etag).toBe(etag);
    expect(await store.get('a.json')).toMatchObject({ status: 'found', object: { etag, size: 5 } });
    for await (const object of store.list()) expect(object).toMatchObject({ key: 'a.json', etag, size: 5 });
  });

  test('reports missing objects, other versions and large bodies', async () => {
    expect(await store.get('a.json')).toEqual({ status: 'not_found' });
    expect(await store.head('a/b.json')).toBeUndefined();
    await put('a.json', 'hello');
    expect(await store.get('a.json', { ifMatch: '"other"' })).toEqual({ status: 'etag_mismatch' });
    expect(await store.get('a.json', { maxBytes: 4 })).toMatchObject({ status: 'too_large', object: { size: 5 } });
    await store.delete('a.json');
    await store.delete('a.json');
    expect(await store.get('a.json')).toEqual({ status: 'not_found' });
  });

  test('deletes only the version with the given ETag', async () => {
    const first = await put('a.json', 'one');
    const second = await put('a.json', 'another');
    await store.delete('a.json', { ifMatch: first });
    expect(await text('a.json')).toBe('another');
    await store.delete('a.json', { ifMatch: second });
    await store.delete('a.json', { ifMatch: second });
    expect(await text('a.json')).toBeUndefined();
  });

  test('stores keys that are difficult for file systems, and lists them in UTF-8 byte order', async () => {
    const hard = [
      ...[
        'a',
        'a/',
        'a/b',
        'a.json',
        'a.json/b.json',
        'a!',
        'A',
        '/',
        '//',
        '../../x',
        '..',
        '.',
        'con',
        'é',
        'e\u0301',
      ],
      ...[
        '🐈',
        '\ufffd',
        'x'.repeat(300),
        `${'x'.repeat(300)}/y`,
        `${'x'.repeat(200)}`,
        `${'x'.repeat(200)}y/z`,
        'ж'.repeat(512),
      ],
    ];
    for (const key of hard) expect(await put(key, key, { ifNoneMatch: '*' })).toMatch(/^"/);
    for (const key of hard) expect(await text(key)).toBe(key);
    const sorted = hard.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await keys()).toEqual(sorted);
    expect(await keys({ prefix: 'x' })).toEqual(sorted.filter((key) => key.startsWith('x')));
    expect(await keys({ startAfter: 'a.json' })).toEqual(sorted.slice(sorted.indexOf('a.json') + 1));
    // Nothing was written outside the directory.
    expect((await readdir(join(root, '..'))).filter((name) => name === 'x%=' || name === 'x')).toEqual([]);
  });

  test('lists any set of stored keys', async () => {
    const key = fc.array(fc.constantFrom('a', 'b', '/', '.', '!', '.json', '%', 'x'.repeat(150)), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(
          key.map((parts) => parts.join('')),
          { maxLength: 12 },
        ),
        fc.constantFrom('', 'a', 'a/', 'x'),
        async (set, prefix) => {
          await rm(join(root), { recursive: true });
          store = await openOutputDirectory(root);
          for (const key of set) await put(key, '');
          const sorted = set
            .filter((key) => key.startsWith(prefix))
            .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
          expect(await keys({ prefix })).toEqual(sorted);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('does not list foreign or incomplete files', async () => {
    await put('a.json', 'hello');
    await mkdir(join(root, '.git'));
    for (const name of ['notes.txt', '%41.json', '%ZZ.json', '.hidden.json', '.git/b.json'])
      await writeFile(join(root, name), 'x');
    await writeFile(join(root, '.igpt-tmp/other-1-0a-1'), 'half');
    expect(await keys()).toEqual(['a.json']);
  });

  test('leaves no temporary file behind', async () => {
    await put('a.json', 'hello');
    await put('a.json', 'hello', { ifNoneMatch: '*' });
    await put('a.json', 'hello', { ifMatch: '"other"' });
    expect(await readdir(join(root, '.igpt-tmp'))).toEqual([]);
  });

  test('removes files of a killed run, but not of a live one', async () => {
    const host = hostname()
      .replace(/[^A-Za-z0-9]/g, '_')
      .slice(0, 64);
    // On Linux no process has an id of 2^22 or above. The parent of this process is alive.
    const [dead, live, other] = [`${host}-99999999-0a-1`, `${host}-${process.ppid}-0a-1`, 'elsewhere-1-0a-1'];
    for (const name of [dead, live, other]) await writeFile(join(root, '.igpt-tmp', name), 'half');
    await openOutputDirectory(root);
    expect((await readdir(join(root, '.igpt-tmp'))).sort()).toEqual([live, other].sort());
  });

  test('opened read-only, creates and removes nothing', async () => {
    await put('a.json', 'hello');
    await rm(join(root, '.igpt-tmp'), { recursive: true });
    store = await openOutputDirectory(root, { readOnly: true });
    expect(await text('a.json')).toBe('hello');
    expect(await readdir(root)).toEqual(['a.json']);
  });

  test('reports why it cannot be opened, and what to do', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(openOutputDirectory(join(root, 'file'))).rejects.toMatchObject({ code: 'output_not_writable' });
    await expect(openOutputDirectory(join(root, 'file', 'deep', 'er'))).rejects.toThrow(
      /Expected a writable directory at .*, but a file is in its place \(ENOTDIR\); .* choose another directory/,
    );
  });

  test('may itself be a link', async () => {
    await symlink(root, `${root}-link`);
    const linked = await openOutputDirectory(`${root}-link`);
    await linked.put('results/a.json', bytes('hello'));
    expect(await text('results/a.json')).toBe('hello');
    await rm(`${root}-link`);
  });

  test('reports why a file cannot be stored, without its path', async () => {
    await writeFile(join(root, 'results'), 'a file where a folder must be');
    await expect(store.put('results/a.json', bytes('x'))).rejects.toMatchObject({
      name: 'TransientError',
      code: 'file_error',
      message: expect.not.stringContaining(root),
    });
  });
});

describe('an output directory with a link that leaves it', () => {
  let outside: string;
  beforeEach(async () => {
    outside = await mkdtemp(join(tmpdir(), 'igpt-outside-'));
    await mkdir(join(root, 'results'));
    await symlink(outside, join(root, 'results/nano-1'));
  });
  afterEach(() => rm(outside, { recursive: true }));

  const refused = {
    name: 'OutputDirectoryError',
    code: 'output_link',
    message:
      'Expected "results/nano-1" to lie in the output directory, received a link out of it; remove the link, or choose another directory.',
  };

  test('stores nothing and creates no folder through the link', async () => {
    for (const key of ['results/nano-1/a.json', 'results/nano-1/deep/er/a.json'])
      await expect(store.put(key, bytes('x'), { ifNoneMatch: '*' })).rejects.toMatchObject(refused);
    expect(await readdir(outside)).toEqual([]);
    expect(await put('results/nano-2/a.json', 'x')).toMatch(/^"/);
  });

  test('deletes nothing through the link', async () => {
    await writeFile(join(outside, 'a.json'), 'x');
    await expect(store.delete('results/nano-1/a.json')).rejects.toMatchObject(refused);
    expect(await readdir(outside)).toEqual(['a.json']);
  });

  test('throws when keys behind the link are listed, and lists other keys', async () => {
    await put('results/nano-2/a.json', 'x');
    await expect(keys({ prefix: 'results/nano-1/' })).rejects.toMatchObject(refused);
    expect(await keys({ prefix: 'results/nano-2/' })).toEqual(['results/nano-2/a.json']);
  });

  test('follows a link that stays inside', async () => {
    await mkdir(join(root, 'other'));
    await symlink('../other', join(root, 'results/nano-3'));
    await put('results/nano-3/a.json', 'x');
    expect(await readdir(join(root, 'other'))).toEqual(['a.json']);
  });

  test('is refused if the link is its folder of temporary files', async () => {
    await rm(join(root, '.igpt-tmp'), { recursive: true });
    await symlink(outside, join(root, '.igpt-tmp'));
    await expect(openOutputDirectory(root)).rejects.toMatchObject({ code: 'output_link' });
  });

  test('creates its folders again if they are removed meanwhile', async () => {
    await put('results/nano-2/a.json', 'x');
    await rm(join(root, 'results/nano-2'), { recursive: true });
    expect(await put('results/nano-2/a.json', 'x', { ifNoneMatch: '*' })).toMatch(/^"/);
  });
});

test('with plain names, keys are paths without escaping', async () => {
  const plain = await openOutputDirectory(root, { plainNames: true });
  const stored = await plain.put('part-00000.parquet', bytes('rows'), { ifNoneMatch: '*' });
  expect(stored.status).toBe('stored');
  await plain.put('_shards/00000.json', bytes('{}'));
  expect(await readFile(join(root, 'part-00000.parquet'), 'utf8')).toBe('rows');
  const listed: string[] = [];
  for await (const { key } of plain.list({ prefix: 'part-' })) listed.push(key);
  expect(listed).toEqual(['part-00000.parquet']);
  expect(await plain.put('part-00000.parquet', bytes('other'), { ifNoneMatch: '*' })).toEqual({
    status: 'precondition_failed',
  });
});

describe.skipIf(process.platform === 'win32').each(specialFiles)('%s in the place of an outcome', (name, make) => {
  const kind = name.replace('link to a ', '');

  test('is refused at once and stays: it is neither an outcome nor a free place', async () => {
    make(join(root, 'a.json'));

    await expect(store.get('a.json')).rejects.toMatchObject({
      code: 'file_error',
      message: `Expected to read "a.json", received ${kind}; remove it.`,
    });
    await expect(put('a.json', 'new', { ifNoneMatch: '*' })).rejects.toThrow(
      `Expected to store "a.json", received ${kind}; remove it.`,
    );
    expect(await store.head('a.json')).toBeUndefined();
    expect((await readdir(root)).includes('a.json')).toBe(true);
  });

  test.skipIf(name.includes('link'))('is neither replaced nor removed without a condition', async () => {
    make(join(root, 'a.json'));

    await expect(put('a.json', 'new')).rejects.toMatchObject({ code: 'file_error' });
    await expect(store.delete('a.json')).rejects.toMatchObject({ code: 'file_error' });
    expect((await readdir(root)).includes('a.json')).toBe(true);
  });
});
