import { createS3Client, createSnsClient, createSqsClient } from '../../aws/clients.ts';
import { findLeftTaps, removeTaps } from '../../aws/event-tap.ts';
import { findLeftPictures, remove } from '../../aws/smoke-picture.ts';
import { systemClock as clock } from '../../local/system-clock.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { openStack, type StackOptions } from './stack-option.ts';

/** `igpt doctor --clean`: removes what killed commands have left. */
export async function clean(options: StackOptions & { json: boolean }): Promise<void> {
  const stack = await openStack(options);
  const about = { sqs: createSqsClient(), sns: createSnsClient(), stack, clock };
  const taps = await findLeftTaps(about);
  await removeTaps(taps, about);
  const s3 = createS3Client();
  const pictures = await findLeftPictures(s3, stack.outputs.inputBucket, clock.now());
  for (const picture of pictures) await remove(s3, picture);
  const removed = [...taps.map(({ name }) => `queue ${name}`), ...pictures.map(({ key }) => `picture ${key}`)];
  await writeOut(
    options.json
      ? `${JSON.stringify({ stack: stack.name, removed })}\n`
      : removed.length === 0
        ? `nothing was left behind in ${stack.name}\n`
        : removed.map((what) => `removed ${what}\n`).join(''),
  );
}
