import { describe, expect, test } from 'vitest';
import { consume } from '../../../lib/events/index.ts';

describe('consume', () => {
  const right = { queueUrl: 'https://sqs.eu-west-1.amazonaws.com/1/events', signal: AbortSignal.abort() };

  test('ends at once when its signal has aborted', async () => {
    await expect(consume(right)).resolves.toBeUndefined();
  });

  test.each([
    [{ queueUrl: '' }, "queueUrl '': expected the URL of a queue"],
    [{ queueUrl: undefined }, "queueUrl '': expected the URL of a queue"],
    [{ queueUrl: 'events' }, "queueUrl 'events': expected the URL of a queue"],
    [{ signal: undefined }, 'signal null: expected an AbortSignal'],
    [{ concurrency: 0 }, 'concurrency 0: expected a whole number from 1'],
    [{ visibilitySeconds: 0 }, 'visibilitySeconds 0: expected a whole number from 1 to 43200'],
    [{ drainSeconds: Number.POSITIVE_INFINITY }, 'drainSeconds Infinity: expected a whole number from 0 to 2147483'],
    [{ onresult: console.log }, 'onresult: expected one of the options queueUrl, signal'],
  ])('refuses %o, as JavaScript may pass it', async (wrong, message) => {
    // @ts-expect-error: not the options' types
    await expect(consume({ ...right, ...wrong })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message),
    });
  });
});
