import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { createSemaphore } from '../async/semaphore.ts';
import { openRegularFile } from '../files/regular-file.ts';
import type { Clock } from '../ports/clock.ts';
import { errorCode, ImageGptError, InstallationError, TransientError } from '../ports/error.ts';
import type { StoredObject } from '../ports/object-store.ts';
import { StorageDeniedError, storageError } from './aws-error.ts';

/** An object, and the path of the new file for it. */
export type WantedFile = StoredObject & { to: string };

export interface DownloadOptions {
  client: S3Client;
  clock: Clock;
  bucket: string;
}

/**
 * Bytes of a request, and requests at once. One connection to S3 brings less than 100 MB/s. S3's guide recommends ranges of
 * 8 to 16 MB side by side ("Performance Guidelines for Amazon S3").
 */
const rangeBytes = 8 * 2 ** 20;
const concurrency = 8;

/** Pauses before the rest of a range is asked for again (milliseconds). The SDK itself repeats no body that breaks off. */
const pausesMs = [200, 800, 3200];

/**
 * Downloads the listed version of objects, in ranges side by side. When it rejects, nothing writes to the files any more.
 *
 * @throws the errors of reading S3; {@link InstallationError} `cache_not_writable`
 */
export async function downloadFiles(
  files: readonly WantedFile[],
  { client, clock, bucket }: DownloadOptions,
): Promise<void> {
  const semaphore = createSemaphore(concurrency);
  const stop = new AbortController();
  await all(
    files.map(async (object) => {
      await using file = await openRegularFile(object.to, 'create').catch((cause: unknown) => {
        throw cacheNotWritable(object.to, cause);
      });
      await all(
        Array.from({ length: Math.ceil(object.size / rangeBytes) }, (_, i) =>
          semaphore.run(() => downloadRange(object, file, i * rangeBytes), stop.signal),
        ),
      );
    }),
  );

  /** Waits for all. The first failure stops the others and is thrown. */
  async function all(work: readonly Promise<void>[]): Promise<void> {
    await Promise.all(work.map((one) => one.catch((error: unknown) => stop.abort(error))));
    stop.signal.throwIfAborted();
  }

  async function downloadRange(object: WantedFile, file: FileHandle, start: number): Promise<void> {
    const end = Math.min(start + rangeBytes, object.size);
    let at = start;
    for (let attempt = 0; at < end; attempt++) {
      try {
        for await (const chunk of await readRange(object, at, end)) {
          await file.write(chunk, 0, chunk.length, at).catch((cause: unknown) => {
            throw cacheNotWritable(object.to, cause);
          });
          at += chunk.length;
        }
        if (at < end) throw incomplete(object, end - start, at - start);
      } catch (cause) {
        const error = cause instanceof ImageGptError ? cause : fetchError(object, cause);
        const pause = pausesMs[attempt];
        const lasts = error instanceof StorageDeniedError || !(error instanceof TransientError);
        if (lasts || pause === undefined || stop.signal.aborted) throw error;
        await clock.sleep(pause, stop.signal);
      }
    }
  }

  /** The bytes from `from` to `end`, exclusive. */
  async function readRange(object: WantedFile, from: number, end: number): Promise<Readable> {
    const { key, etag, size } = object;
    const whole = from === 0 && end === size;
    const Range = whole ? undefined : `bytes=${from}-${end - 1}`;
    const { Body: body, ContentLength: length } = await client.send(
      new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag, Range }),
      { abortSignal: stop.signal },
    );
    if (body instanceof Readable && length === end - from) return body;
    if (body instanceof Readable) body.destroy();
    throw incomplete(object, end - from, length);
  }

  function fetchError({ key }: WantedFile, cause: unknown): ImageGptError {
    const place = JSON.stringify(`s3://${bucket}/${key}`);
    return storageError(`fetch ${place} of the model`, { bucket, action: 's3:GetObject' }, cause);
  }
}

function incomplete({ key }: WantedFile, expected: number, received: number | undefined): TransientError {
  return new TransientError('aws_unavailable', `Expected ${expected} bytes of ${key}, received ${received}.`);
}

export function cacheNotWritable(path: string, cause: unknown): InstallationError {
  const said = errorCode(cause) ?? String(cause);
  return new InstallationError(
    'cache_not_writable',
    `Expected to write a part of the model to ${path}, but the system said ${said}. Give the folder room, or choose another.`,
    { cause },
  );
}
