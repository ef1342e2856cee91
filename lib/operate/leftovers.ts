import { createS3Client, createSnsClient, createSqsClient } from '../aws/clients.ts';
import { systemClock as clock } from '../local/system-clock.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { findLeftTaps, removeTaps } from './event-tap.ts';
import { deleteStored, findLeftPictures } from './smoke-picture.ts';

/**
 * Lists what a killed `igpt tail` or `igpt smoke` left in the account: `queue NAME`, `picture KEY`.
 *
 * @throws {CommandError} when a request to AWS fails
 */
export async function listLeftovers(stack: DeployedStack): Promise<string[]> {
  const { taps, pictures } = await findLeftovers(stack);
  return describe(taps, pictures);
}

/**
 * Removes what {@link listLeftovers} lists. Returns the list.
 *
 * @throws {CommandError} when a request to AWS fails
 */
export async function removeLeftovers(stack: DeployedStack): Promise<string[]> {
  const { taps, pictures } = await findLeftovers(stack);
  await removeTaps(taps, { sqs: createSqsClient(), sns: createSnsClient(), stack });
  const s3 = createS3Client();
  for (const picture of pictures) await deleteStored(s3, picture);
  return describe(taps, pictures);
}

async function findLeftovers(stack: DeployedStack) {
  const [taps, pictures] = await Promise.all([
    findLeftTaps({ sqs: createSqsClient(), stack, clock }),
    findLeftPictures(createS3Client(), stack.outputs.inputBucket, clock.now()),
  ]);
  return { taps, pictures };
}

function describe(taps: readonly { name: string }[], pictures: readonly { key: string }[]): string[] {
  return [...taps.map(({ name }) => `queue ${name}`), ...pictures.map(({ key }) => `picture ${key}`)];
}
