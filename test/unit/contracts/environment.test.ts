import { expect, test } from 'vitest';
import { preprocessEnvironment } from '../../../lib/contracts/environment.ts';

const queue = 'https://sqs.eu-central-1.amazonaws.com/123456789012/a-queue';
const least = {
  INPUT_BUCKET: 'pictures',
  OUTPUT_BUCKET: 'outcomes',
  UPLOADS_QUEUE_URL: queue,
  TOKENS_QUEUE_URL: queue,
  RESULTS_TOPIC_ARN: 'arn:aws:sns:eu-central-1:123456789012:a-topic',
  MODEL_LOCATION: 's3://models/igpt-s',
  MODEL_ID: 'igpt-s-0123456789ab',
};

test('preprocess packs 1 to 100 pictures into a message, 100 by default', () => {
  const pictures = (MAX_PICTURES_PER_MESSAGE: string | undefined) =>
    preprocessEnvironment.safeParse({ ...least, MAX_PICTURES_PER_MESSAGE }).data?.MAX_PICTURES_PER_MESSAGE;

  expect([undefined, '1', '8', '100'].map(pictures)).toEqual([100, 1, 8, 100]);
  expect(['0', '101', '-1', '2.5', 'many'].map(pictures)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
