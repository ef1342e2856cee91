import { describe, expect, test } from 'vitest';
import { noFaults } from './fault-kinds.ts';
import { playSchedule } from './play-schedule.ts';

// `npm run simulate -- 17` tells one seed step by step, `npm run simulate -- 1 100000` plays many. CI plays 100,000 in
// fault-schedules.slow.test.ts.

const seeds = 400;

describe('the deployed flows, under random faults', () => {
  test('end every picture with one true outcome and an event, leave nothing stuck, and no letter dead but by contract', async () => {
    const faults = noFaults();
    for (let seed = 1; seed <= seeds; seed++) {
      const played = await playSchedule(seed);
      expect({ seed, wrong: played.wrong }).toEqual({ seed, wrong: [] });
      for (const [kind, times] of Object.entries(played.faults)) faults[kind as keyof typeof faults] += times;
    }
    // Each kind of fault has been met.
    expect(Object.keys(faults).length).toBeGreaterThanOrEqual(10);
    expect(Object.entries(faults).filter(([, times]) => times < 10)).toEqual([]);
  });

  // What the simulator has found, by the seed that found it first, with the names of the tests that show it alone.
  test.each([
    [1955, 'a message that is worked on beside one that ends the worker gets through (turnstile.test.ts)'],
    [2208, 'a message that fails beside one that ends the function is released before (handle-batch.test.ts)'],
    [36002, 'a message is kept hidden while a call that is to keep it so gets no answer (consumer.test.ts)'],
    [128934, 'a deleted picture takes along what an earlier delivery stored before it failed (delivery.test.ts)'],
    [557692, 'a picture between two copies of one that kills the model gets through (delivery.test.ts)'],
  ])('seed %i: %s', async (seed) => {
    expect((await playSchedule(seed)).wrong).toEqual([]);
  });
});
