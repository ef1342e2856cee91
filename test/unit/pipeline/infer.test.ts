import { describe, expect, test } from 'vitest';
import { parseOutcome } from '../../../lib/contracts/outcome.ts';
import { PictureError, TransientError } from '../../../lib/ports/error.ts';
import { createFakeModel } from '../../support/fake-model.ts';
import { createWorld, startProcess } from '../../support/pipeline-world.ts';

/** Runs two good pictures, with `fault`, until the queues are empty. */
async function twoPictures(fault: (point: string) => Promise<void>, model = createFakeModel()) {
  const world = createWorld();
  for (const key of ['a.jpg', 'b.jpg']) await world.upload(key, 'good');
  const process = startProcess(world, { fault, model });
  expect(await world.quiet()).toBe(true);
  await process.stop();
  const outcomes = [...world.output.objects.values()].map(({ body }) => parseOutcome(body));
  return { world, outcomes };
}

const failing = (point: string, error: Error) => (at: string) =>
  at === point ? Promise.reject(error) : Promise.resolve();
const away = new TransientError('EFBIG', 'the file would be too large');

describe('infer', () => {
  test.each([
    ['output.put', away],
    ['output.get', away],
    ['events.publish', away],
    // An error of storing an outcome never blames the picture, whatever its class.
    ['output.put', new PictureError('access_denied', 'Expected to be allowed to store.')],
  ])('dead-letters a message when %s always fails', async (call, error) => {
    // Only a redelivery reads an outcome, and only if one is stored.
    const { world, outcomes } = await twoPictures(async (at) => {
      if (at === `before ${call}` || (call === 'output.get' && at === 'after output.put')) throw error;
    });
    expect(outcomes.filter((outcome) => outcome?.status === 'failed')).toEqual([]);
    expect(world.tokens.deadLetters.join()).toContain('a.jpg');
    expect(world.tokens.deadLetters.join()).toContain('b.jpg');
    expect(world.published).toEqual([]);
  });

  test('publishes a stored outcome again without predicting it again', async () => {
    let published = 0;
    let predicted = 0;
    const { world, outcomes } = await twoPictures(async (at) => {
      if (at === 'before model.predict') predicted += 1;
      if (at === 'before events.publish' && ++published <= 4) throw away;
    });
    expect(predicted).toBe(2);
    expect(outcomes).toMatchObject([{ status: 'succeeded' }, { status: 'succeeded' }]);
    expect(world.published).toHaveLength(2);
  });

  test('fails a picture after the model has failed five times', async () => {
    const { world, outcomes } = await twoPictures(failing('before model.predict', new Error('out of memory')));
    const failed = { status: 'failed', error: { code: 'inference_failed' } };
    expect(outcomes).toMatchObject([failed, failed]);
    expect(world.tokens.deadLetters).toEqual([]);
    expect(world.published).toHaveLength(2);
  });

  test('fails a picture with non-finite numbers at once', async () => {
    let predicted = 0;
    const model = createFakeModel({ predict: async () => ({ nats: Number.NaN }) });
    const { outcomes } = await twoPictures(async (at) => {
      if (at === 'before model.predict') predicted += 1;
    }, model);
    expect(predicted).toBe(2);
    expect(outcomes).toMatchObject([{ error: { code: 'inference_failed' } }, { error: { code: 'inference_failed' } }]);
  });
});
