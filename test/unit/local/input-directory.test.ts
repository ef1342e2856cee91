import { chmod, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { SkippedFile } from '../../../lib/local/input-directory.ts';
import type { ObjectStore } from '../../../lib/ports/object-store.ts';

/** Called in place of the pause before a recently modified file is checked again. */
const duringPause = { work: async (): Promise<void> => {} };

// Another test of this process may have loaded the module with the real pause.
vi.resetModules();
vi.doMock('node:timers/promises', () => ({ setTimeout: () => duringPause.work() }));
const { openInputDirectory } = await import('../../../lib/local/input-directory.ts');
afterAll(() => {
  vi.doUnmock('node:timers/promises');
  vi.resetModules();
});

let outside: string;
let root: string;
let store: ObjectStore;
let skipped: SkippedFile[];

beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), 'igpt-input-'));
  root = join(outside, 'pictures');
  await mkdir(root);
  skipped = [];
  duringPause.work = async () => {};
  store = await openInputDirectory(root, { onSkipped: (file) => skipped.push(file) });
});

afterEach(() => rm(outside, { recursive: true, force: true }));

async function write(path: string, text = path): Promise<void> {
  await mkdir(join(root, path, '..'), { recursive: true });
  await writeFile(join(root, path), text);
}

async function keys(options?: { prefix?: string; startAfter?: string }): Promise<string[]> {
  const listed: string[] = [];
  for await (const { key } of store.list(options)) listed.push(key);
  return listed;
}

/** Removes the permissions of a file or folder during `run`. */
async function withoutPermission(path: string, run: () => Promise<void>): Promise<void> {
  await chmod(outside, 0o755);
  await chmod(path, 0);
  // Root may read everything, so the test runs as another user meanwhile.
  const user = process.geteuid?.();
  if (user === 0) process.seteuid?.('nobody');
  try {
    await run();
  } finally {
    if (user === 0) process.seteuid?.(user);
    await chmod(path, 0o700);
  }
}

describe('an input directory', () => {
  test('lists every file below it in UTF-8 byte order', async () => {
    const files = ['a!', 'a.b', 'a/b', 'a/c/d', 'a0', 'b', 'é', '\ufffd', '🐈'];
    for (const file of files.toReversed()) await write(file);
    expect(await keys()).toEqual(files);
    expect(await keys({ prefix: 'a/' })).toEqual(['a/b', 'a/c/d']);
    expect(await keys({ prefix: 'a' })).toEqual(['a!', 'a.b', 'a/b', 'a/c/d', 'a0']);
    expect(await keys({ startAfter: 'a/b' })).toEqual(files.slice(3));
  });

  test('finds no file for a name that is too long, or for a loop of links', async () => {
    await symlink('circle.jpg', join(root, 'circle.jpg'));
    expect(await store.get('circle.jpg')).toEqual({ status: 'not_found' });
    expect(await store.get(`${'x'.repeat(300)}.jpg`)).toEqual({ status: 'not_found' });
  });

  test('reads a file unchanged', async () => {
    await write('cats/a b.jpg', 'meow');
    const read = await store.get('cats/a b.jpg');
    expect(read).toMatchObject({ status: 'found', object: { key: 'cats/a b.jpg', size: 4 } });
    expect(read.status === 'found' && new TextDecoder().decode(read.body)).toBe('meow');
    expect(await store.head('cats/a b.jpg')).toEqual(read.status === 'found' && read.object);
  });

  test('ignores dotfiles and folders', async () => {
    for (const file of ['.DS_Store', '.git/config', 'a/.b/c', 'a.jpg']) await write(file);
    expect(await keys()).toEqual(['a.jpg']);
    for (const key of ['.DS_Store', 'a/.b/c', 'a', 'none'])
      expect(await store.get(key)).toEqual({ status: 'not_found' });
    expect(skipped).toEqual([]);
  });

  test('follows links inside the directory, but no link that leaves it', async () => {
    await write('a/b.jpg');
    await writeFile(join(outside, 'secret'), 'secret');
    await symlink(join(root, 'a/b.jpg'), join(root, 'link.jpg'));
    await symlink('a', join(root, 'folder'));
    await symlink(join(outside, 'secret'), join(root, 'leaves.jpg'));
    await symlink(outside, join(root, 'up'));
    await symlink('nowhere', join(root, 'broken'));
    expect(await keys()).toEqual(['a/b.jpg', 'folder/b.jpg', 'link.jpg']);
    for (const key of ['leaves.jpg', 'up/secret']) expect(await store.get(key)).toEqual({ status: 'not_found' });
    expect(skipped.map(({ path }) => path).sort()).toEqual(['leaves.jpg', 'up']);
  });

  test('follows the links of a snapshot of the hub’s cache to its files, and no others', async () => {
    const repository = join(outside, 'datasets--org--cats');
    const folder = join(repository, 'snapshots', '0123456789abcdef0123456789abcdef01234567', 'cat');
    await mkdir(folder, { recursive: true });
    await mkdir(join(repository, 'blobs'));
    await writeFile(join(repository, 'blobs', 'd1a5'), 'meow');
    await writeFile(join(outside, 'secret'), 'secret');
    await symlink('../../../blobs/d1a5', join(folder, '1.jpg'));
    await symlink('../../../../secret', join(folder, 'leaves.jpg'));

    for (const [snapshot, prefix] of [
      [join(folder, '..'), 'cat/'],
      [folder, ''],
    ] as const) {
      skipped = [];
      store = await openInputDirectory(snapshot, { onSkipped: (file) => skipped.push(file) });
      expect(await keys()).toEqual([`${prefix}1.jpg`]);
      expect(await store.get(`${prefix}1.jpg`)).toMatchObject({
        status: 'found',
        body: new Uint8Array(Buffer.from('meow')),
      });
      expect(await store.get(`${prefix}leaves.jpg`)).toEqual({ status: 'not_found' });
      expect(skipped).toEqual([{ path: `${prefix}leaves.jpg`, reason: 'link_outside' }]);
    }
  });

  test('skips loops of links', async () => {
    await write('a/b.jpg');
    await symlink('..', join(root, 'a/up'));
    await symlink('.', join(root, 'self'));
    expect(await keys()).toEqual(['a/b.jpg']);
    expect(skipped.every(({ reason }) => reason === 'link_loop')).toBe(true);
  });

  test('reports a name that is not UTF-8', async () => {
    const name = Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x61, 0xff])]);
    await writeFile(name, 'x');
    await write('b.jpg');
    expect(await keys()).toEqual(['b.jpg']);
    expect(skipped).toEqual([{ path: 'a\ufffd', reason: 'name_not_utf8' }]);
  });

  test('reports a path that is too long for a key', async () => {
    const folder = Array.from({ length: 5 }, () => 'x'.repeat(200)).join('/');
    await write(`${folder}/${'y'.repeat(19)}`);
    await write(`${folder}/${'y'.repeat(20)}`);
    expect(await keys()).toEqual([`${folder}/${'y'.repeat(19)}`]);
    expect(skipped).toEqual([{ path: `${folder}/${'y'.repeat(20)}`, reason: 'key_too_long' }]);
  });

  test('reports a folder that it may not read', async () => {
    await write('a/b.jpg');
    await write('c.jpg');
    await withoutPermission(join(root, 'a'), async () => {
      expect(await keys()).toEqual(['c.jpg']);
      expect(skipped).toEqual([{ path: 'a', reason: 'unreadable_folder' }]);
    });
  });

  test('fails a picture that it may not read, with advice and without its path', async () => {
    await write('a.jpg');
    await withoutPermission(join(root, 'a.jpg'), async () => {
      expect(await keys()).toEqual(['a.jpg']);
      await expect(store.get('a.jpg')).rejects.toMatchObject({
        name: 'PictureError',
        code: 'access_denied',
        message: expect.not.stringContaining(root),
      });
      await expect(store.get('a.jpg')).rejects.toThrow('EACCES; allow reading it');
    });
  });

  test.each(['..', '../pictures/a', 'a/../b', '/etc/passwd', 'a//b', 'a/', '', '.', 'a\0b'])(
    'refuses the key %j',
    async (key) => {
      await expect(store.get(key)).rejects.toMatchObject({ code: 'invalid_key' });
      await expect(store.head(key)).rejects.toMatchObject({ code: 'invalid_key' });
    },
  );

  test('does not read a body that is too large, or of another version', async () => {
    await write('a.jpg', 'four');
    expect(await store.get('a.jpg', { maxBytes: 3 })).toMatchObject({ status: 'too_large', object: { size: 4 } });
    expect(await store.get('a.jpg', { ifMatch: '"other"' })).toEqual({ status: 'etag_mismatch' });
    expect(await store.get('a.jpg', { maxBytes: 4 })).toMatchObject({ status: 'found' });
  });

  test('gives a replaced file of the same size and time another ETag and a new time', async () => {
    const old = new Date('2001-01-01T00:00:00Z');
    await write('a.jpg', 'one');
    await write('b.jpg', 'two');
    for (const name of ['a.jpg', 'b.jpg']) await utimes(join(root, name), old, old);
    const before = await store.head('a.jpg');
    await rename(join(root, 'b.jpg'), join(root, 'a.jpg'));
    const after = await store.head('a.jpg');
    expect(after?.etag).not.toBe(before?.etag);
    expect(after?.lastModified.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  test('keeps the ETag of a file whose permissions change', async () => {
    await write('a.jpg');
    const before = await store.head('a.jpg');
    await chmod(join(root, 'a.jpg'), 0o600);
    expect((await store.head('a.jpg'))?.etag).toBe(before?.etag);
  });

  test('refuses changes', async () => {
    await write('a.jpg');
    await expect(store.put('a.jpg', new Uint8Array())).rejects.toMatchObject({ code: 'read_only' });
    await expect(store.delete('a.jpg')).rejects.toMatchObject({ code: 'read_only' });
  });

  test('is refused if it is no directory', async () => {
    await write('a.jpg');
    await expect(openInputDirectory(join(root, 'a.jpg'))).rejects.toThrow('received a file');
    await expect(openInputDirectory(join(root, 'none'))).rejects.toThrow('Expected a directory of pictures');
  });
});

describe('a file that changes while it is read', () => {
  beforeEach(async () => {
    const file = join(root, 'a.jpg');
    await writeFile(file, 'half');
    // A time in the future counts as just modified, however slow this test is.
    const later = new Date(Date.now() + 3_600_000);
    await utimes(file, later, later);
    duringPause.work = () => writeFile(file, 'half and half');
  });

  test('is a transient error', async () => {
    await expect(store.get('a.jpg')).rejects.toMatchObject({ name: 'TransientError', code: 'changed_while_read' });
  });

  test('does not match the requested version', async () => {
    const etag = (await store.head('a.jpg'))?.etag ?? '';
    expect(await store.get('a.jpg', { ifMatch: etag })).toEqual({ status: 'etag_mismatch' });
  });

  test('is found if it stays unchanged', async () => {
    duringPause.work = async () => {};
    expect(await store.get('a.jpg')).toMatchObject({ status: 'found' });
  });
});
