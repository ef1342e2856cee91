import { randomBytes } from 'node:crypto';
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { awsErrorStatus } from '../aws/aws-error.ts';
import { commandError } from './command-error.ts';

/** Folder of the pictures of `igpt smoke` in the input bucket. */
const smokePrefix = 'igpt-smoke/';

/** A stored object. */
export interface Stored {
  bucket: string;
  key: string;
  /** Undefined in a bucket without versions. Deleting the version leaves no delete marker. */
  versionId: string | undefined;
}

/** A unique key that sorts by time. `suffix`: `.jpg`. */
export function smokeKey(now: Date, suffix: string): string {
  const time = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${smokePrefix}${time}-${randomBytes(4).toString('hex')}${suffix}`;
}

/** @throws {CommandError} when the picture cannot be stored */
export async function storePicture(client: S3Client, bucket: string, key: string, body: Uint8Array): Promise<Stored> {
  try {
    const { VersionId: versionId } = await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    return { bucket, key, versionId };
  } catch (error) {
    throw commandError(`store a picture in ${bucket}`, error);
  }
}

/**
 * The object with this key; undefined if there is none.
 *
 * @throws {CommandError} when S3 refuses the request
 */
export async function findStored(client: S3Client, bucket: string, key: string): Promise<Stored | undefined> {
  try {
    const { VersionId: versionId } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    return { bucket, key, versionId };
  } catch (error) {
    if (awsErrorStatus(error) === 404) return undefined;
    throw commandError(`find ${key}`, error);
  }
}

/**
 * Deletes an object with its version.
 *
 * @throws {CommandError} when S3 refuses the request
 */
export async function deleteStored(client: S3Client, { bucket, key, versionId }: Stored): Promise<void> {
  try {
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));
  } catch (error) {
    throw commandError(`delete ${key} from ${bucket}`, error);
  }
}

/** A picture older than this is abandoned (milliseconds). `igpt smoke` gives up much earlier. */
const abandonedAfterMs = 6 * 3600_000;

/**
 * Pictures that a killed `igpt smoke` left behind, at most 1,000.
 *
 * @throws {CommandError} when the bucket cannot be listed
 */
export async function findLeftPictures(client: S3Client, bucket: string, now: Date): Promise<Stored[]> {
  try {
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: smokePrefix });
    const { Contents: objects = [] } = await client.send(command);
    return objects
      .filter(({ LastModified: at }) => at !== undefined && now.getTime() - at.getTime() > abandonedAfterMs)
      .map(({ Key: key = '' }) => ({ bucket, key, versionId: undefined }));
  } catch (error) {
    throw commandError(`list ${smokePrefix} in ${bucket}`, error);
  }
}
