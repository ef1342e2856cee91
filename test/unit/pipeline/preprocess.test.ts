import { describe, expect, test } from 'vitest';
import { parseOutcome } from '../../../lib/contracts/outcome.ts';
import { PictureError, TransientError } from '../../../lib/ports/error.ts';
import { createWorld, startProcess } from '../../support/pipeline-world.ts';

/** Runs one picture until the queues are empty, while every call of one kind fails. */
async function onePicture(text: string, call: string, error: Error) {
  const world = createWorld();
  await world.upload('a.jpg', text);
  const process = startProcess(world, {
    async fault(at) {
      if (at === `before ${call}`) throw error;
    },
  });
  expect(await world.quiet()).toBe(true);
  await process.stop();
  return { world, outcomes: [...world.output.objects.values()].map(({ body }) => parseOutcome(body)) };
}

const away = new TransientError('EIO', 'the system said: EIO');

describe('preprocess', () => {
  test.each([
    ['a good picture that cannot be read', 'good', 'input.get', away],
    ['a good picture whose tokens cannot be sent', 'good', 'tokens.send', away],
    ['a bad picture whose outcome cannot be stored', 'bad', 'output.put', away],
    ['a bad picture whose store throws a PictureError', 'bad', 'output.put', new PictureError('access_denied', 'no')],
    ['a picture that breaks the decoder and whose outcome cannot be stored', 'crash', 'output.put', away],
  ])('dead-letters %s', async (_, text, call, error) => {
    const { world, outcomes } = await onePicture(text, call, error);
    expect(outcomes).toEqual([]);
    expect(world.published).toEqual([]);
    expect(world.uploads.deadLetters).toHaveLength(1);
  });

  test('never reads an outcome of another stack, whatever it holds', async () => {
    const world = createWorld();
    await world.upload('results/other-0123456789ab/a.jpg.json', 'good');
    await world.upload('results/other/a.jpg', 'good');
    const process = startProcess(world);
    expect(await world.quiet()).toBe(true);
    await process.stop();

    const outcomes = [...world.output.objects.values()].map(({ body }) => parseOutcome(body));
    expect(outcomes.map((outcome) => outcome?.key)).toEqual(['results/other/a.jpg']);
  });

  test('dead-letters a message whose failed outcome is stored but cannot be published', async () => {
    const { world, outcomes } = await onePicture('bad', 'events.publish', away);
    expect(outcomes).toMatchObject([{ status: 'failed', error: { code: 'corrupt_image' } }]);
    expect(world.uploads.deadLetters).toHaveLength(1);
  });

  test.each([
    ['breaks the decoder five times', 'good', 'decoder.decode', new Error('broken'), 'internal_error'],
    ['the store denies', 'good', 'input.get', new PictureError('access_denied', 'no'), 'access_denied'],
    ['is bad', 'bad', 'nothing', away, 'corrupt_image'],
  ])('fails a picture that %s', async (_, text, call, error, code) => {
    const { world, outcomes } = await onePicture(text, call, error);
    expect(outcomes).toMatchObject([{ status: 'failed', error: { code } }]);
    expect(world.uploads.deadLetters).toEqual([]);
    expect(world.published).toMatchObject([{ type: 'result', status: 'failed' }]);
  });
});
