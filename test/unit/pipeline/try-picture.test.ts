import { describe, expect, test } from 'vitest';
import { tryPicture, tryReading } from '../../../lib/pipeline/try-picture.ts';
import { InstallationError, PictureError, TransientError } from '../../../lib/ports/error.ts';

const options = (receiveCount: number, signal?: AbortSignal) => {
  const caught: unknown[] = [];
  return {
    caught: (error: unknown) => void caught.push(error),
    errors: caught,
    attempt: { receiveCount, lastReceive: receiveCount === 5 },
    signal,
    code,
  } as const;
};
const code = 'inference_failed';
const broken = new Error('/home/somebody: broken');
const bad = new PictureError('corrupt_image', 'bad');
const throwing = (error: Error) => () => Promise.reject(error);

describe('decoding or predicting', () => {
  test('returns the result', async () => {
    expect(await tryPicture(async () => 7, options(1))).toEqual({ result: 7 });
  });

  test('fails the picture at once on a PictureError', async () => {
    expect(await tryPicture(throwing(bad), options(1))).toEqual({ failure: { code: 'corrupt_image', message: 'bad' } });
  });

  test('throws any other error; on the last receive it fails the picture, without the error text', async () => {
    await expect(tryPicture(throwing(broken), options(4))).rejects.toBe(broken);
    const last = options(5);
    expect(await tryPicture(throwing(broken), last)).toEqual({
      failure: { code, message: 'Expected success within 5 attempts, but each of them failed.' },
    });
    expect(last.errors).toEqual([broken]);
  });

  test('throws an error of the installation on the last receive too: no picture is at fault', async () => {
    const notStarted = new InstallationError('decoder_start_failed', 'no decoder');
    const last = options(5);
    await expect(tryPicture(throwing(notStarted), last)).rejects.toBe(notStarted);
    expect(last.errors).toEqual([]);
  });

  test('throws every error after the signal has aborted', async () => {
    for (const error of [bad, broken]) {
      await expect(tryPicture(throwing(error), options(5, AbortSignal.abort()))).rejects.toBe(error);
    }
  });
});

describe('reading', () => {
  test('fails the picture on a PictureError only', async () => {
    const away = new TransientError('away', 'no answer');
    expect(await tryReading(async () => 7)).toEqual({ result: 7 });
    expect(await tryReading(throwing(bad))).toEqual({ failure: { code: 'corrupt_image', message: 'bad' } });
    await expect(tryReading(throwing(away))).rejects.toBe(away);
  });
});
