import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { decodeFormKey, quotedEtag } from '../contracts/s3-notification.ts';
import type { Clock } from '../ports/clock.ts';
import { PictureError } from '../ports/error.ts';
import type { ObjectStore, ReadResult, StoredObject, WriteCondition, WriteResult } from '../ports/object-store.ts';
import { AwsError, awsErrorName, awsErrorStatus, storageError } from './aws-error.ts';

export interface S3StoreOptions {
  client: S3Client;
  /** Name of a general purpose bucket. A directory bucket would list its keys out of order. */
  bucket: string;
  clock: Clock;
  /** Content type of stored objects (default application/octet-stream). */
  contentType?: string;
}

/** Pauses after a 409 (milliseconds). When two conditional writes meet, S3 asks one of them to retry. */
const conflictPausesMs = [100, 400];

/** A bucket on S3. ETags are quoted, as in S3's responses. */
export function createS3Store(options: S3StoreOptions): ObjectStore {
  const { client, bucket, clock, contentType = 'application/octet-stream' } = options;
  const at = (key: string) => ({ Bucket: bucket, Key: key });
  const place = (key: string): string => JSON.stringify(`s3://${bucket}/${key}`);

  async function* list({ prefix = '', startAfter = '' } = {}): AsyncGenerator<StoredObject> {
    let token: string | undefined;
    do {
      const page = await client
        .send(
          new ListObjectsV2Command({
            Bucket: bucket,
            Prefix: prefix,
            // XML cannot hold every character that a key may have.
            EncodingType: 'url',
            ContinuationToken: token,
            StartAfter: startAfter === '' || token !== undefined ? undefined : startAfter,
          }),
        )
        .catch((error: unknown) => {
          throw storageError(`list ${place(prefix)}`, { bucket, action: 's3:ListBucket' }, error);
        });
      for (const { Key, ...facts } of page.Contents ?? []) {
        if (Key !== undefined) yield storedObject(listedKey(Key), facts);
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async function head(key: string): Promise<StoredObject | undefined> {
    try {
      const { ContentLength: Size, ...facts } = await client.send(new HeadObjectCommand(at(key)));
      return storedObject(key, { Size, ...facts });
    } catch (error) {
      // Our policies allow listing, so a missing key gives 404. A 403 does not mean that the key is missing.
      if (awsErrorStatus(error) === 404) return undefined;
      throw storageError(`find ${place(key)}`, { bucket, action: 's3:GetObject' }, error);
    }
  }

  async function get(
    key: string,
    { ifMatch, maxBytes = Number.POSITIVE_INFINITY }: ReadOptions = {},
  ): Promise<ReadResult> {
    let answer: GetObjectCommandOutput;
    try {
      answer = await client.send(new GetObjectCommand({ ...at(key), IfMatch: ifMatch }));
    } catch (error) {
      if (awsErrorStatus(error) === 412) return { status: 'etag_mismatch' };
      if (awsErrorName(error) === 'NoSuchKey') return { status: 'not_found' };
      if (awsErrorName(error) === 'InvalidObjectState') throw archived(error);
      throw storageError(`read ${place(key)}`, { bucket, action: 's3:GetObject' }, error);
    }
    const { Body: body, ContentLength: Size, ...facts } = answer;
    const object = storedObject(key, { Size, ...facts });
    if (object.size > maxBytes) {
      if (body instanceof Readable) body.destroy();
      return { status: 'too_large', object };
    }
    try {
      return { status: 'found', object, body: (await body?.transformToByteArray()) ?? new Uint8Array() };
    } catch (error) {
      throw storageError(`read all of ${place(key)}`, { bucket, action: 's3:GetObject' }, error);
    }
  }

  async function put(key: string, body: Uint8Array, condition?: WriteCondition): Promise<WriteResult> {
    const command = new PutObjectCommand({
      ...at(key),
      Body: body,
      ContentType: contentType,
      IfMatch: condition && 'ifMatch' in condition ? condition.ifMatch : undefined,
      IfNoneMatch: condition && 'ifNoneMatch' in condition ? condition.ifNoneMatch : undefined,
    });
    for (let attempt = 0; ; attempt++) {
      const pause = conflictPausesMs[attempt];
      try {
        const { ETag } = await client.send(command);
        return { status: 'stored', etag: quotedEtag(ETag ?? '') };
      } catch (error) {
        if (awsErrorStatus(error) === 412) return { status: 'precondition_failed' };
        // If-Match on a missing object.
        if (awsErrorName(error) === 'NoSuchKey') return { status: 'precondition_failed' };
        if (awsErrorStatus(error) !== 409 || pause === undefined)
          throw storageError(`store ${place(key)}`, { bucket, action: 's3:PutObject' }, error);
        await clock.sleep(pause);
      }
    }
  }

  return {
    list,
    head,
    get,
    put,
    async delete(key, condition) {
      try {
        await client.send(new DeleteObjectCommand({ ...at(key), IfMatch: condition?.ifMatch }));
      } catch (error) {
        // If-Match on another version, or on a missing object.
        if (awsErrorStatus(error) === 412 || awsErrorName(error) === 'NoSuchKey') return;
        throw storageError(`delete ${place(key)}`, { bucket, action: 's3:DeleteObject' }, error);
      }
    },
  };
}

type ReadOptions = NonNullable<Parameters<ObjectStore['get']>[1]>;

interface Facts {
  ETag?: string | undefined;
  Size?: number | undefined;
  LastModified?: Date | undefined;
}

function storedObject(key: string, { ETag, Size, LastModified }: Facts): StoredObject {
  if (ETag === undefined || Size === undefined || LastModified === undefined) {
    throw new AwsError('aws_refused', `Expected ETag, size and time of ${JSON.stringify(key)}, but some are missing.`);
  }
  return { key, etag: quotedEtag(ETag), size: Size, lastModified: LastModified };
}

function listedKey(encoded: string): string {
  const key = decodeFormKey(encoded);
  if (key !== undefined) return key;
  throw new AwsError('aws_refused', `Expected an encoded key in a listing, received ${JSON.stringify(encoded)}.`);
}

function archived(cause: unknown): PictureError {
  return new PictureError(
    'archived',
    'Expected a picture that can be read at once, but its storage class is an archive; restore it first.',
    { cause },
  );
}
