import { expect, test } from 'vitest';
import { mostPicturesPerMessage } from '../../../lib/operate/stack-queues.ts';
import { deployedStack } from '../../support/stack-state.ts';

test('a tokens message holds up to 100 pictures for a worker, and 10 for a function', () => {
  const { outputs } = deployedStack;

  expect(mostPicturesPerMessage(outputs)).toBe(100);
  expect(mostPicturesPerMessage({ ...outputs, inferFunction: 'Mine-LambdaInfer' })).toBe(10);
});
