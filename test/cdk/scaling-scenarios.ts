import { expect } from 'vitest';
import { seededRandom } from '../support/seeded-random.ts';
import { badMetrics, hours } from './bad-metrics.ts';
import type { Rule } from './scaling-rules.ts';
import { simulate } from './simulated-scaling.ts';

/** A stack that worked, ended its tasks and rested for a minute to seven hours gets an upload. */
export function wakeUp(rules: readonly Rule[], seed: number) {
  const random = seededRandom(seed);
  const [before, after] = [Math.ceil(random() * 60), Math.ceil(random() * 400)];
  const startMinutes = 3 + Math.floor(random() * 8);
  const play = (minutes: number, upload: number) =>
    simulate(rules, {
      ...badMetrics(seed),
      minutes,
      arrivals: (minute) => (minute === 0 ? before : minute === upload ? after : 0),
      perTaskAndMinute: 10,
      wake: true,
      startMinutes,
    });
  const ended = play(hours(2), -1).history.findIndex(({ desired }, minute) => minute > 0 && desired.main === 0);
  const upload = ended + 1 + Math.floor(random() ** 2 * hours(7));
  const { history, wasted } = play(upload + hours(3), upload);
  const outcome = history.findIndex(({ finished }, minute) => minute >= upload && finished > 0);
  const early = wasted.filter(({ service, minute }) => service === 'main' && minute < outcome);
  return { ended, minutesToOutcome: outcome - upload, startMinutes, early, end: history.at(-1) };
}

/** Checks that seeds 1 to `seeds` get from zero to the first outcome without losing a task, and end at zero. */
export function expectToWake(rules: readonly Rule[], seeds: number): void {
  for (let seed = 1; seed <= seeds; seed++) {
    const { ended, minutesToOutcome, startMinutes, early, end } = wakeUp(rules, seed);
    expect(ended, `seed ${seed}`).toBeGreaterThan(0);
    expect(minutesToOutcome, `seed ${seed}`).toBe(startMinutes);
    expect(early, `seed ${seed}`).toEqual([]);
    expect(end, `seed ${seed}`).toMatchObject({ outstanding: 0, desired: { main: 0, onDemand: 0 } });
  }
}

/** Checks that bursts and growing loads start no on-demand task where a Spot task starts in five minutes. */
export function expectNoOnDemand(rules: readonly Rule[], seeds: number): void {
  for (let seed = 1; seed <= seeds; seed++) {
    const random = seededRandom(seed);
    const burst = Math.floor(random() * 60);
    const size = Math.ceil(random() * 1500);
    const growth = random() * 3;
    const { history } = simulate(rules, {
      ...badMetrics(seed),
      minutes: hours(4),
      arrivals: (minute) => (minute === burst ? size : 0) + (minute < 120 ? Math.floor(growth * random() * minute) : 0),
      perTaskAndMinute: Math.ceil(random() * 20),
      wake: true,
      startMinutes: 5,
    });
    expect(Math.max(...history.map(({ desired }) => desired.onDemand)), `seed ${seed}`).toBe(0);
  }
}
