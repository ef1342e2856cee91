import { join } from 'node:path';

/** igpt-nano's directory. */
export const nanoDirectory = join(import.meta.dirname, '../../lib/models/igpt-nano');

/** A worker's environment in which nobody listens, so requests to AWS fail at once. */
export const unreachableAws = {
  AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  INPUT_BUCKET: 'pictures',
  OUTPUT_BUCKET: 'outcomes',
  UPLOADS_QUEUE_URL: 'http://127.0.0.1:9/123456789012/uploads',
  TOKENS_QUEUE_URL: 'http://127.0.0.1:9/123456789012/tokens',
  RESULTS_TOPIC_ARN: 'arn:aws:sns:us-east-1:123456789012:results',
  MODEL_LOCATION: nanoDirectory,
  WORKERS: '1',
};
