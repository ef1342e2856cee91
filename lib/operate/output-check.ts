import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { ImageGptError } from '../ports/error.ts';
import { commandError } from './command-error.ts';
import { type Check, check } from './doctor-checks.ts';

/** Key of an outcome, so that no stack takes the object for a picture. The model does not exist. */
const probeKey = 'results/igpt-doctor-000000000000/probe.json';

export interface OutputBucket {
  bucket: string;
  /** ARN of the KMS key that the stack's roles may use; undefined if none. */
  kmsKey: string | undefined;
}

/** Writes an object to the output bucket, reads it, looks how it is encrypted, and deletes it, also if it cannot be read. */
export async function examineOutput(client: S3Client, { bucket, kmsKey }: OutputBucket): Promise<Check> {
  const name = 'output bucket';
  const at = { Bucket: bucket, Key: probeKey };
  const attempt = async <T>(action: string, work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw commandError(`${action} ${bucket}`, error);
    });
  try {
    const stored = await attempt('write to', client.send(new PutObjectCommand({ ...at, Body: '{}' })));
    const reading = attempt('read from', readObject(client, at));
    await Promise.allSettled([reading]);
    const deleting = attempt('delete from', client.send(new DeleteObjectCommand(at)));
    await Promise.allSettled([deleting]);
    await reading;
    await deleting;
    return encryptionCheck(name, { bucket, kmsKey }, stored.SSEKMSKeyId);
  } catch (error) {
    if (!(error instanceof ImageGptError)) throw error;
    const key = kmsKey === undefined ? '' : ` and the key ${kmsKey}`;
    return check('fail', name, error.message, `see the policies of the bucket${key}: the stack’s roles need the same`);
  }
}

async function readObject(client: S3Client, at: { Bucket: string; Key: string }): Promise<void> {
  const { Body: body } = await client.send(new GetObjectCommand(at));
  await body?.transformToString();
}

/** @param usedKey ARN of the key that S3 has encrypted with; undefined for a key of S3's own */
function encryptionCheck(name: string, { bucket, kmsKey }: OutputBucket, usedKey: string | undefined): Check {
  if (usedKey === kmsKey) {
    return check('ok', name, `${bucket} can be written and read, encrypted with ${kmsKey ?? 'a key of S3'}`);
  }
  if (usedKey === undefined) {
    return check(
      'warn',
      name,
      `${bucket} does not use the key ${kmsKey}`,
      'deploy without outputKmsKey, or set its default encryption',
    );
  }
  return check(
    'fail',
    name,
    `${bucket} encrypts with ${usedKey}, which the stack’s roles may not use`,
    `deploy with -c outputBucket=${bucket} -c outputKmsKey=${usedKey}`,
  );
}
