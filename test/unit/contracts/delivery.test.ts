import { expect, test } from 'vitest';
import {
  drainSeconds,
  inferTimeoutSeconds,
  maxReceiveCount,
  preprocessTimeoutSeconds,
  retryDelayMs,
  stopTimeoutSeconds,
  visibilitySeconds,
  workerVisibilitySeconds,
} from '../../../lib/contracts/delivery.ts';

test('the delays between the receives of a message are 10 s, 40 s, 160 s and 640 s', () => {
  const delays = Array.from({ length: maxReceiveCount - 1 }, (_, i) => retryDelayMs(i + 1));

  expect(delays).toEqual([10_000, 40_000, 160_000, 640_000]);
});

test('a delay is at most a quarter of an hour', () => {
  expect(retryDelayMs(5)).toBe(900_000);
  expect(retryDelayMs(1000)).toBe(900_000);
});

test('messages for a function stay hidden for six of its timeouts', () => {
  expect([preprocessTimeoutSeconds, inferTimeoutSeconds]).toEqual([180, 900]);
  expect(visibilitySeconds).toEqual({ uploads: 1080, tokens: 5400, resultEvents: 300 });
});

test('a killed worker’s messages come back after a minute', () => {
  expect(workerVisibilitySeconds).toBe(60);
});

test('a worker drains before it is killed', () => {
  expect(drainSeconds).toBe(100);
  expect(stopTimeoutSeconds).toBe(110);
});
