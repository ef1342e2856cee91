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
    // Whatever a store says of an outcome, it says nothing about the picture.
    ['output.put', new PictureError('access_denied', 'Expected to be allowed to store.')],
  ])('sends what cannot be stored or published to the dead letters: %s fails for ever', async (call, error) => {
    // Only a second delivery reads an outcome, and only where something is.
    const { world, outcomes } = await twoPictures(async (at) => {
      if (at === `before ${call}` || (call === 'output.get' && at === 'after output.put')) throw error;
    });
    expect(outcomes.filter((outcome) => outcome?.status === 'failed')).toEqual([]);
    expect(world.tokens.deadLetters.join()).toContain('a.jpg');
    expect(world.tokens.deadLetters.join()).toContain('b.jpg');
    expect(world.published).toEqual([]);
  });

  test('sends again what it stored before, without predicting it again', async () => {
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

  test('fails a picture that breaks the model five times', async () => {
    const { world, outcomes } = await twoPictures(failing('before model.predict', new Error('out of memory')));
    const failed = { status: 'failed', error: { code: 'inference_failed' } };
    expect(outcomes).toMatchObject([failed, failed]);
    expect(world.tokens.deadLetters).toEqual([]);
    expect(world.published).toHaveLength(2);
  });

  test('fails a picture at once whose numbers are not finite', async () => {
    let predicted = 0;
    const model = createFakeModel({ predict: async () => ({ nats: Number.NaN }) });
    const { outcomes } = await twoPictures(async (at) => {
      if (at === 'before model.predict') predicted += 1;
    }, model);
    expect(predicted).toBe(2);
    expect(outcomes).toMatchObject([{ error: { code: 'inference_failed' } }, { error: { code: 'inference_failed' } }]);
  });
});
