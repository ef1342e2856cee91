import { randomBytes } from 'node:crypto';
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { awsErrorStatus } from '../aws/aws-error.ts';
import { commandError } from './operator-error.ts';

/** Where the pictures of `igpt smoke` lie while it runs. */
const smokePrefix = 'igpt-smoke/';

/** A stored object; the version where the bucket keeps versions, so that nothing of it is left when it is deleted. */
export interface Stored {
  bucket: string;
  key: string;
  versionId: string | undefined;
}

/** A key that sorts by time and that nobody else has. `suffix` like `.jpg`. */
export function smokeKey(now: Date, suffix: string): string {
  const time = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${smokePrefix}${time}-${randomBytes(4).toString('hex')}${suffix}`;
}

/** @throws {CommandError} when it cannot be stored */
export async function storePicture(client: S3Client, bucket: string, key: string, body: Uint8Array): Promise<Stored> {
  try {
    const { VersionId: versionId } = await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    return { bucket, key, versionId };
  } catch (error) {
    throw commandError(`put a picture into ${bucket}`, error);
  }
}

/** What lies at a key; undefined: nothing. @throws {CommandError} when S3 does not tell */
export async function findStored(client: S3Client, bucket: string, key: string): Promise<Stored | undefined> {
  try {
    const { VersionId: versionId } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    return { bucket, key, versionId };
  } catch (error) {
    if (awsErrorStatus(error) === 404) return undefined;
    throw commandError(`look for ${key}`, error);
  }
}

/** Deletes it, with its version. @throws {CommandError} when it is still there */
export async function remove(client: S3Client, { bucket, key, versionId }: Stored): Promise<void> {
  try {
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));
  } catch (error) {
    throw commandError(`delete ${key} from ${bucket}`, error);
  }
}

/** An `igpt smoke` gives up and cleans up long before, milliseconds. */
const leftAfterMs = 6 * 3600_000;

/** Pictures of an `igpt smoke` that was killed, at most a thousand. @throws {CommandError} when S3 does not tell */
export async function findLeftPictures(client: S3Client, bucket: string, now: Date): Promise<Stored[]> {
  try {
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: smokePrefix });
    const { Contents: objects = [] } = await client.send(command);
    return objects
      .filter(({ LastModified: at }) => at !== undefined && now.getTime() - at.getTime() > leftAfterMs)
      .map(({ Key: key = '' }) => ({ bucket, key, versionId: undefined }));
  } catch (error) {
    throw commandError(`list ${smokePrefix} in ${bucket}`, error);
  }
}
