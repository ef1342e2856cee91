import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../../../lib/checkpoint/checkpoint.ts';
import {
  derivedFolder,
  derivedPath,
  openDerived,
  writeDerived,
} from '../../../../lib/checkpoint/derived/derived-file.ts';
import { uniformPlan } from '../../../../lib/checkpoint/derived/precision-plan.ts';
import { type TinyCheckpoint, tinyCheckpoint } from '../../../support/tiny-checkpoint.ts';

describe('a derived file', () => {
  let folder: string;
  let tiny: TinyCheckpoint;
  let checkpoint: Checkpoint;
  let path: string;
  let sound: Buffer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'derived-'));
    tiny = await tinyCheckpoint();
    checkpoint = await openCheckpoint(tiny.directory);
    path = await derivedPath(checkpoint, 'int8', folder);
    await writeDerived(path, checkpoint, 'int8', uniformPlan(2, 'int8'));
    sound = await readFile(path);
  });
  afterAll(async () => {
    await tiny[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  /** Opens a file of these bytes: the error code, or `sound`. */
  async function opened(bytes: Uint8Array): Promise<string> {
    const copy = join(folder, crypto.randomUUID());
    await writeFile(copy, bytes);
    return openDerived(copy, checkpoint, 'int8').then(
      () => 'sound',
      (error: { code: string }) => error.code,
    );
  }

  test('opens as it was written, and is undefined if missing', async () => {
    expect(await opened(sound)).toBe('sound');
    expect(await openDerived(`${path}.not`, checkpoint, 'int8')).toBeUndefined();
  });

  test('with one wrong bit at any place is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(sound.length - 1), fc.nat(7), async (at, bit) => {
        const damaged = Buffer.from(sound);
        damaged[at] = damaged[at]! ^ (1 << bit);
        expect(await opened(damaged), `byte ${at}`).toBe('weights_invalid');
      }),
      {
        examples: [
          [0, 0],
          [8, 1],
          [40, 0],
          [99, 0],
          [sound.length - 1, 7],
        ],
        numRuns: 200,
      },
    );
  });

  test('that is cut short or too long is refused', async () => {
    for (const length of [0, 5, 100, sound.length - 1]) {
      expect(await opened(sound.subarray(0, length)), `${length} bytes`).toBe('weights_invalid');
    }
    expect(await opened(Buffer.concat([sound, Buffer.alloc(1)]))).toBe('weights_invalid');
  });

  test('without a seal is refused', async () => {
    const unsealed = Buffer.from(sound);
    const text = unsealed.toString('latin1', 0, 200);
    const digits = /"sha256":"([0-9a-f]{64})"/.exec(text)![1]!;
    unsealed.fill('0', text.indexOf(digits), text.indexOf(digits) + 64);

    expect(await opened(unsealed)).toBe('weights_invalid');
  });

  test('of other weights or of another precision is refused as stale', async () => {
    await using other = await tinyCheckpoint({ seed: 2 });
    await expect(openDerived(path, await openCheckpoint(other.directory), 'int8')).rejects.toMatchObject({
      code: 'weights_stale',
    });
    await expect(openDerived(path, checkpoint, 'int8-block')).rejects.toMatchObject({ code: 'weights_stale' });
  });
});

test('IGPT_CACHE overrides the user’s cache folder; empty variables count as unset', () => {
  expect(derivedFolder({ IGPT_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
  expect(derivedFolder({ IGPT_CACHE: '', XDG_CACHE_HOME: '/b' })).toBe('/b/image-gpt-serverless/derived');
  expect(derivedFolder({})).toBe(join(homedir(), '.cache/image-gpt-serverless/derived'));
});
