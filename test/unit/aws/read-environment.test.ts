import { describe, expect, it } from 'vitest';
import { EnvironmentError, readEnvironment } from '../../../lib/aws/read-environment.ts';
import { preprocessEnvironment, workerEnvironment } from '../../../lib/contracts/environment.ts';

const shared = {
  INPUT_BUCKET: 'pictures',
  OUTPUT_BUCKET: 'outcomes',
  UPLOADS_QUEUE_URL: 'http://localhost:5000/123456789012/uploads',
  TOKENS_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/tokens',
  RESULTS_TOPIC_ARN: 'arn:aws:sns:eu-west-1:123456789012:results',
  MODEL_LOCATION: 'model',
  MODEL_ID: 'igpt-nano-0123456789ab',
};

const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof EnvironmentError) return error.message;
    throw error;
  }
  throw new Error('expected an EnvironmentError');
};

describe('the environment', () => {
  it('has defaults for all optional variables', () => {
    expect(readEnvironment(preprocessEnvironment, shared)).toMatchObject({
      MAX_PICTURE_BYTES: 50_000_000,
      ALLOW_SVG: false,
    });
    expect(readEnvironment(workerEnvironment, shared)).toMatchObject({ PROVIDER: 'cpu', DRAIN_SECONDS: 100 });
  });

  it('parses numbers, flags and lists', () => {
    const environment = { ...shared, WORKERS: '32', SCALED_DECODING: 'true', OUTPUTS: 'features, likelihood' };
    expect(readEnvironment(workerEnvironment, environment)).toMatchObject({
      WORKERS: 32,
      SCALED_DECODING: true,
      OUTPUTS: ['features', 'likelihood'],
    });
  });

  it('treats an empty variable as absent', () => {
    expect(readEnvironment(workerEnvironment, { ...shared, OUTPUTS: '', WORKERS: '' }).WORKERS).toBeUndefined();
    expect(messageOf(() => readEnvironment(workerEnvironment, { ...shared, MODEL_ID: '' }))).toContain(
      'MODEL_ID is missing',
    );
  });

  it('is refused with the names of all wrong variables', () => {
    const environment = {
      ...shared,
      INPUT_BUCKET: 'Not A Bucket',
      DECODERS: 'many',
      ALLOW_SVG: 'yes',
      MODEL_ID: undefined,
    };
    const message = messageOf(() => readEnvironment(preprocessEnvironment, { ...environment, ECS_CLUSTER: 'c' }));
    for (const name of ['INPUT_BUCKET', 'DECODERS', 'ALLOW_SVG', 'MODEL_ID is missing', 'ECS_SERVICE']) {
      expect(message).toContain(name);
    }
    expect(message).toContain('5 of its variables');
    expect(message).not.toContain('\n');
  });

  it('is refused with a directory bucket, a model id that is no path segment, or a number out of range', () => {
    for (const wrong of [
      { INPUT_BUCKET: 'pictures--euw1-az1--x-s3' },
      { MODEL_ID: 'a/b' },
      { MODEL_LOCATION: 's3://bucket-only' },
      { MAX_PICTURE_BYTES: '0' },
      { RESULTS_TOPIC_ARN: 'results' },
    ]) {
      expect(() => readEnvironment(preprocessEnvironment, { ...shared, ...wrong })).toThrow(EnvironmentError);
    }
  });
});
