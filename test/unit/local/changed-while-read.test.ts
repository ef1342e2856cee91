import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';

const during = { wait: async (): Promise<void> => {} };

// A file that was modified just now is looked at again after a tick of the file system: here that wait writes to it.
vi.doMock('node:timers/promises', () => ({ setTimeout: () => during.wait() }));
vi.resetModules();
const { openInputDirectory } = await import('../../../lib/local/input-directory.ts');
afterAll(() => {
  vi.doUnmock('node:timers/promises');
  vi.resetModules();
});

let root: string;
let file: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'igpt-changed-'));
  file = join(root, 'a.jpg');
  await writeFile(file, 'half');
  // Later than now: however slow this test is, the file counts as modified just now.
  const later = new Date(Date.now() + 3_600_000);
  await utimes(file, later, later);
  during.wait = () => writeFile(file, 'half and half');
});

afterEach(() => rm(root, { recursive: true, force: true }));

test('a file that is written to while it is read is not taken half', async () => {
  const store = await openInputDirectory(root);
  await expect(store.get('a.jpg')).rejects.toMatchObject({ name: 'TransientError', code: 'changed_while_read' });
});

test('a version that was asked for and is written over while it is read is another version', async () => {
  const store = await openInputDirectory(root);
  const etag = (await store.head('a.jpg'))?.etag ?? '';
  expect(await store.get('a.jpg', { ifMatch: etag })).toEqual({ status: 'etag_mismatch' });
});

test('a file that stays as it is is taken', async () => {
  during.wait = async () => {};
  const store = await openInputDirectory(root);
  expect(await store.get('a.jpg')).toMatchObject({ status: 'found' });
});
