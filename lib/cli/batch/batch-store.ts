import { systemClock } from '../../local/system-clock.ts';
import type { ObjectStore } from '../../pipeline/ports.ts';
import { UsageError } from '../usage-error.ts';

/** `s3://bucket/path`; undefined for anything else. */
export function s3Place(text: string): { bucket: string; path: string } | undefined {
  const [, bucket, path = ''] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(text) ?? [];
  if (bucket === undefined && text.startsWith('s3:')) {
    throw new UsageError(`${text}: expected s3://bucket/prefix`);
  }
  return bucket === undefined ? undefined : { bucket, path };
}

/** What the keys of an address begin with: those of a folder, or all. */
export function s3Prefix(path: string): string {
  const folder = path.replace(/\/+$/, '');
  return folder === '' ? '' : `${folder}/`;
}

/** A bucket that throttles and short failures don't disturb. The SDK takes a while to load, so it is loaded here. */
export async function openBucket(bucket: string): Promise<ObjectStore> {
  const [{ createS3Client }, { createS3Store }, { patientStore }] = await Promise.all([
    import('../../aws/clients.ts'),
    import('../../aws/s3-store.ts'),
    import('../../aws/patient.ts'),
  ]);
  return patientStore(createS3Store({ client: createS3Client(), bucket, clock: systemClock }), systemClock);
}
