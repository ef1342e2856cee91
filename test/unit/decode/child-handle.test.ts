import { EventEmitter } from 'node:events';
import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.doUnmock('node:child_process');
  vi.resetModules();
});

/** Loads the module with another `spawn`. */
async function withSpawn(spawn: () => unknown) {
  vi.resetModules();
  vi.doMock('node:child_process', () => ({ spawn }));
  return await import('../../../lib/decode/child-handle.ts');
}

const settings = {
  recipe: { width: 4, height: 4, resample: 2, crop: 'none' },
  maxBytes: 100,
  maxPixels: 100,
  maxMemoryBytes: 2 ** 30,
  allowSvg: false,
  scaledDecoding: false,
} as const;

test.each([
  ['EMFILE', 'this process has too many files open for ulimit -n (EMFILE)'],
  ['EAGAIN', 'EAGAIN'],
])('a child that cannot be started for want of resources is an error of the installation: %s', async (code, words) => {
  // As Node answers EMFILE: a child without pipes, which says later why.
  const { startChild, DecoderStartError } = await withSpawn(() => {
    const child = new EventEmitter();
    setImmediate(() => child.emit('error', Object.assign(new Error(`spawn ${code}`), { code })));
    return child;
  });
  const child = startChild(settings, 'child.ts');
  const error = await child.decode(new Uint8Array(1), 1000).catch((thrown: unknown) => thrown);

  expect(error).toBeInstanceOf(DecoderStartError);
  expect(error).toMatchObject({
    message: `Expected a decoding process to start, but the system said ${words}.`,
  });
  await child.kill();
});

test('so is one for which spawn throws', async () => {
  const { startChild, DecoderStartError } = await withSpawn(() => {
    throw Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM' });
  });
  const child = startChild(settings, 'child.ts');
  await expect(child.decode(new Uint8Array(1), 1000)).rejects.toBeInstanceOf(DecoderStartError);
});
