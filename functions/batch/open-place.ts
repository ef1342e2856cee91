import { createS3Client } from '../../lib/aws/clients.ts';
import { patientStore } from '../../lib/aws/patient.ts';
import { createS3Store } from '../../lib/aws/s3-store.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import type { ObjectStore } from '../../lib/pipeline/ports.ts';
import { underPrefix } from '../../lib/pipeline/under-prefix.ts';
import { DeploymentError } from '../deployment-error.ts';

/**
 * What lies at `s3://bucket` or `s3://bucket/prefix`, through throttles and failures that pass.
 *
 * @throws {DeploymentError} `place_unreachable` for anything else
 */
export function openPlace(place: string): ObjectStore {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(place) ?? [];
  if (bucket === undefined) {
    throw new DeploymentError('place_unreachable', `Expected a job on S3, received one at ${place}.`);
  }
  const store = patientStore(createS3Store({ client: createS3Client(), bucket, clock }), clock);
  return prefix === '' ? store : underPrefix(store, `${prefix}/`);
}
