import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AwsError } from '../../../lib/aws/aws-error.ts';
import { createS3Store } from '../../../lib/aws/s3-store.ts';
import { AccessDeniedError, PictureError, TransientError } from '../../../lib/ports/error.ts';
import type { ObjectStore } from '../../../lib/ports/object-store.ts';
import { type ScriptedAws, s3Error, startScriptedAws } from '../../support/scripted-aws.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

let aws: ScriptedAws;
let client: S3Client;
let store: ObjectStore;

beforeEach(async () => {
  aws = await startScriptedAws();
  client = new S3Client(aws.config);
  store = createS3Store({ client, bucket: 'pictures', clock: createVirtualClock() });
});

afterEach(async () => {
  client.destroy();
  await aws[Symbol.asyncDispose]();
});

const facts = { etag: '"abc"', 'last-modified': 'Tue, 24 Nov 2026 12:00:00 GMT' };
const found = { key: 'a.jpg', etag: '"abc"', size: 5, lastModified: new Date('2026-11-24T12:00:00Z') };
const bytes = new TextEncoder().encode('hello');

describe('reading', () => {
  it('returns body, quoted ETag, size and time of the version that was asked for', async () => {
    aws.answer({ status: 200, headers: { ...facts, 'content-length': '5' }, body: 'hello' });
    expect(await store.get('a.jpg', { ifMatch: '"abc"' })).toEqual({ status: 'found', object: found, body: bytes });
    expect(aws.requests[0]).toMatchObject({ method: 'GET', headers: { 'if-match': '"abc"' } });
  });

  it('reads an empty object', async () => {
    aws.answer({ status: 200, headers: { ...facts, 'content-length': '0' } });
    expect(await store.get('a.jpg')).toMatchObject({ status: 'found', body: new Uint8Array() });
  });

  it('distinguishes another version from a missing object', async () => {
    aws.answer(s3Error(412, 'PreconditionFailed'), s3Error(404, 'NoSuchKey'));
    expect(await store.get('a.jpg', { ifMatch: '"old"' })).toEqual({ status: 'etag_mismatch' });
    expect(await store.get('a.jpg')).toEqual({ status: 'not_found' });
  });

  it('does not report a missing object when access is denied', async () => {
    aws.answer(s3Error(403, 'AccessDenied'), { status: 403 });
    await expect(store.get('a.jpg')).rejects.toThrow(TransientError);
    await expect(store.head('a.jpg')).rejects.toThrow(TransientError);
  });

  it.each([
    [403, 'AccessDenied'],
    [400, 'KMS.DisabledException'],
    [400, 'KMS.KMSInvalidStateException'],
    [400, 'KMS.NotFoundException'],
  ])('names bucket and action of a denial (%d %s)', async (status, name) => {
    aws.answer(s3Error(status, name), s3Error(status, name));
    const denied = { code: 'storage_denied', bucket: 'pictures' };
    await expect(store.get('a.jpg')).rejects.toMatchObject({ ...denied, action: 's3:GetObject' });
    await expect(store.put('a.jpg', bytes)).rejects.toMatchObject({ ...denied, action: 's3:PutObject' });
  });

  it('says that it is this object only where the credentials are good', async () => {
    aws.answer(s3Error(403, 'AccessDenied'), s3Error(403, 'InvalidAccessKeyId'), s3Error(403, 'RequestTimeTooSkewed'));
    const errors = [];
    for (let i = 0; i < 3; i += 1) errors.push(await store.get('a.jpg').catch((error: unknown) => error));
    expect(errors.map((error) => error instanceof AccessDeniedError)).toEqual([true, false, false]);
    expect(errors.map((error) => error instanceof TransientError)).toEqual([true, true, true]);
  });

  it('does not report a missing object when the bucket is missing', async () => {
    aws.answer(s3Error(404, 'NoSuchBucket'));
    await expect(store.get('a.jpg')).rejects.toThrow(AwsError);
  });

  it('fails with `archived` for an archived object', async () => {
    aws.answer(s3Error(403, 'InvalidObjectState'));
    const error = await store.get('a.jpg').catch((error: unknown) => error);
    expect(error).toBeInstanceOf(PictureError);
    expect(error).toMatchObject({ code: 'archived' });
  });

  it('does not read the body of an object that is too large', async () => {
    const closed = Promise.withResolvers<number>();
    aws.answer((response, request) => {
      let sent = 0;
      response.writeHead(200, { ...facts, 'content-length': '1000000000' });
      const more = (): void => {
        while (!response.destroyed) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536))) return;
        }
      };
      response.on('drain', more);
      request.socket.on('close', () => closed.resolve(sent));
      more();
    });
    const read = await store.get('a.jpg', { maxBytes: 1000 });
    expect(read).toEqual({ status: 'too_large', object: { ...found, size: 1_000_000_000 } });
    // Some bytes may have been sent into the buffers of the sockets.
    expect(await closed.promise).toBeLessThan(50_000_000);
  });

  it('fails with a transient error when the body breaks off', async () => {
    aws.answer((response) => {
      response.writeHead(200, { ...facts, 'content-length': '5' });
      response.write('he', () => response.destroy());
    });
    await expect(store.get('a.jpg')).rejects.toThrow(TransientError);
  });

  it.each([
    ['SlowDown', s3Error(503, 'SlowDown')],
    ['InternalError', s3Error(500, 'InternalError')],
    ['RequestTimeout', s3Error(400, 'RequestTimeout')],
    ['ExpiredToken', s3Error(400, 'ExpiredToken')],
  ])('fails with a transient error that names %s', async (code, answer) => {
    aws.answer(answer);
    const error = await store.get('a.jpg').catch((error: unknown) => error);
    expect(error).toBeInstanceOf(TransientError);
    expect(String(error)).toContain(code);
    expect(String(error)).toContain('"s3://pictures/a.jpg"');
  });

  it('fails with a transient error when the connection is reset', async () => {
    aws.answer((response) => void response.destroy());
    await expect(store.get('a.jpg')).rejects.toThrow(TransientError);
  });

  it('fails with a permanent error when the request is refused', async () => {
    aws.answer(s3Error(400, 'KeyTooLongError'));
    await expect(store.get('a.jpg')).rejects.toThrow(AwsError);
  });

  it('finds an object, or returns undefined', async () => {
    aws.answer({ status: 200, headers: { ...facts, 'content-length': '5' } }, { status: 404 });
    expect(await store.head('a.jpg')).toEqual(found);
    expect(await store.head('a.jpg')).toBeUndefined();
  });
});

describe('writing', () => {
  const stored = { status: 200, headers: { etag: '"new"' } };

  it('sends the conditions to create and to replace', async () => {
    aws.answer(stored, stored, stored);
    expect(await store.put('a', bytes, { ifNoneMatch: '*' })).toEqual({ status: 'stored', etag: '"new"' });
    await store.put('a', bytes, { ifMatch: '"abc"' });
    await store.put('a', bytes);
    const conditions = aws.requests.map(({ headers }) => [headers['if-none-match'], headers['if-match']]);
    expect(conditions).toEqual([
      ['*', undefined],
      [undefined, '"abc"'],
      [undefined, undefined],
    ]);
  });

  it('reports a failed condition: another version, or a missing object', async () => {
    aws.answer(s3Error(412, 'PreconditionFailed'), s3Error(404, 'NoSuchKey'));
    expect(await store.put('a', bytes, { ifNoneMatch: '*' })).toEqual({ status: 'precondition_failed' });
    expect(await store.put('a', bytes, { ifMatch: '"abc"' })).toEqual({ status: 'precondition_failed' });
  });

  it('attempts a conflicting write three times', async () => {
    const conflict = s3Error(409, 'ConditionalRequestConflict');
    aws.answer(conflict, conflict, stored);
    expect(await store.put('a', bytes, { ifNoneMatch: '*' })).toMatchObject({ status: 'stored' });
    aws.answer(conflict, conflict, conflict);
    await expect(store.put('a', bytes, { ifNoneMatch: '*' })).rejects.toThrow(TransientError);
    expect(aws.requests).toHaveLength(6);
  });

  it('fails with a transient error when S3 asks to slow down', async () => {
    aws.answer(s3Error(503, 'SlowDown'));
    await expect(store.put('a', bytes)).rejects.toThrow(TransientError);
  });

  it('deletes with a condition, and ignores another version or a missing object', async () => {
    aws.answer({ status: 204 }, s3Error(412, 'PreconditionFailed'), s3Error(404, 'NoSuchKey'));
    for (let i = 0; i < 3; i++) await store.delete('a', { ifMatch: '"abc"' });
    expect(aws.requests.map(({ headers }) => headers['if-match'])).toEqual(['"abc"', '"abc"', '"abc"']);
    aws.answer(s3Error(409, 'ConditionalRequestConflict'));
    await expect(store.delete('a', { ifMatch: '"abc"' })).rejects.toThrow(TransientError);
  });

  it('deletes without a condition, even if the object is missing', async () => {
    aws.answer({ status: 204 }, s3Error(500, 'InternalError'));
    await store.delete('a b.json');
    expect(aws.requests[0]).toMatchObject({ method: 'DELETE', url: '/pictures/a%20b.json?x-id=DeleteObject' });
    await expect(store.delete('a')).rejects.toThrow(TransientError);
  });
});

describe('listing', () => {
  const page = (keys: string[], next?: string): string =>
    `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><IsTruncated>${next !== undefined}</IsTruncated>${
      next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`
    }${keys
      .map(
        (key) =>
          `<Contents><Key>${key}</Key><LastModified>2026-11-24T12:00:00.000Z</LastModified><ETag>&quot;abc&quot;</ETag><Size>5</Size></Contents>`,
      )
      .join('')}</ListBucketResult>`;
  const listed = async (options?: Parameters<ObjectStore['list']>[0]): Promise<string[]> => {
    const keys: string[] = [];
    for await (const { key } of store.list(options)) keys.push(key);
    return keys;
  };

  it('reads page by page and decodes the keys', async () => {
    aws.answer({ status: 200, body: page(['a+b', 'a%2Bb'], 'more') }, { status: 200, body: page(['%00%F0%9F%90%88']) });
    expect(await listed({ prefix: 'p', startAfter: 'p1' })).toEqual(['a b', 'a+b', '\0🐈']);
    const [first, second] = aws.requests.map(({ url }) => new URL(url, 'http://s3').searchParams);
    expect(Object.fromEntries(first ?? [])).toMatchObject({ prefix: 'p', 'start-after': 'p1', 'encoding-type': 'url' });
    expect(Object.fromEntries(second ?? [])).toMatchObject({ prefix: 'p', 'continuation-token': 'more' });
  });

  it('returns ETag, size and time of each object', async () => {
    aws.answer({ status: 200, body: page(['a.jpg']) });
    for await (const object of store.list()) expect(object).toEqual(found);
  });

  it('is empty for an empty bucket, and throws when a page fails', async () => {
    aws.answer({ status: 200, body: page([]) }, { status: 200, body: page(['a'], 'more') }, s3Error(503, 'SlowDown'));
    expect(await listed()).toEqual([]);
    await expect(listed()).rejects.toThrow(TransientError);
  });
});
