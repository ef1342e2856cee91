import { describe, expect, test } from 'vitest';
import { eventOf, pipelineEvent } from '../../../lib/contracts/event.ts';
import type { Outcome } from '../../../lib/contracts/outcome.ts';

const about = {
  schema_version: 1,
  key: 'cats/a.jpg',
  etag: '"1"',
  model: 'nano-1',
  created_at: '2026-01-01T00:00:00.000Z',
} as const;

const succeeded: Outcome = {
  ...about,
  status: 'succeeded',
  image: { format: 'jpeg', width: 640, height: 427, bytes: 1000 },
  classification: { label: 'cat', index: 3, probability: 0.75, top5: [{ label: 'cat', index: 3, probability: 0.75 }] },
  features: { layer: 6, norm: 'next', values: [0.5] },
  likelihood: { nats_per_token: 2, bits_per_pixel: 2.885 },
  provider: 'cpu',
  precision: 'f32',
  onnxruntime: '1.30.0',
};

describe('the event of an outcome', () => {
  test('has class and result key of a success', () => {
    expect(eventOf(succeeded, 'results/nano-1/cats/a.jpg.json')).toEqual({
      type: 'result',
      status: 'succeeded',
      key: 'cats/a.jpg',
      etag: '"1"',
      model: 'nano-1',
      result_key: 'results/nano-1/cats/a.jpg.json',
      label: 'cat',
      probability: 0.75,
    });
  });

  test('has no class without a classification', () => {
    expect(eventOf({ ...succeeded, classification: null }, 'r.json')).toMatchObject({ label: null, probability: null });
  });

  test('has the error of a failure', () => {
    const error = { code: 'corrupt_image', message: 'Expected a picture.' } as const;
    const event = eventOf({ ...about, status: 'failed', error }, 'r.json');
    expect(event).toEqual({
      type: 'result',
      status: 'failed',
      key: 'cats/a.jpg',
      etag: '"1"',
      model: 'nano-1',
      result_key: 'r.json',
      error,
    });
    expect(pipelineEvent.parse(event)).toEqual(event);
  });
});
