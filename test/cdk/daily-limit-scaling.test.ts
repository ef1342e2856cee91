import { describe, expect, test } from 'vitest';
import type { Meter } from '../../lib/contracts/meters.ts';
import { type Execution, holdsInForce } from '../../lib/operate/brake-executions.ts';
import { nextLimitStep } from '../../lib/operate/daily-limit.ts';
import { meterUsd } from '../../lib/operate/daily-spend.ts';
import { badMetrics, hours } from './bad-metrics.ts';
import { readRules } from './scaling-rules.ts';
import { type Minute, simulate } from './simulated-scaling.ts';
import { imageGptTemplate } from './synthesize.ts';

const day = hours(24);
// Synthesised before the tests, whose time is limited.
const rules = {
  gpu: readRules(imageGptTemplate({ compute: 'gpu' })),
  cpu: readRules(imageGptTemplate({ compute: 'cpu' })),
};

const midnight = Date.parse('2026-12-01T00:00:00Z');

/** ECS ends an instance about this long after its last task (minutes); Fargate bills tasks only. */
const lastingMinutes = { gpu: 15, cpu: 1 };

const measures: Meter['measures'] = [];
const meters: Record<'gpu' | 'cpu', Meter> = {
  gpu: { unit: 'gpu-minute', instanceTypes: ['g6.xlarge', 'g5.xlarge', 'g4dn.xlarge'], measures },
  cpu: { unit: 'fargate-minute', measures },
};

/** One tiny picture every ten minutes for two days. The function runs every five minutes on metrics that are late. */
function play(compute: 'gpu' | 'cpu', { limitUsd = Number.POSITIVE_INFINITY, lateMinutes = 3, seed = 0 } = {}) {
  const holds: Execution[] = [];
  const releases: Execution[] = [];
  /** Billed machine minutes before each minute. */
  const billed = [0];
  const bill = (history: readonly Minute[]): void => {
    for (let minute = billed.length - 1; minute < history.length; minute++) {
      const lasting = history.slice(Math.max(minute - lastingMinutes[compute] + 1, 0), minute + 1);
      billed.push((billed[minute] ?? 0) + Math.max(...lasting.map(({ machines }) => machines)));
    }
  };
  const usdOf = (from: number, to: number): number =>
    meterUsd(meters[compute], [(billed[to] ?? 0) - (billed[from] ?? 0)]);
  const at = (minute: number) => new Date(midnight + minute * 60_000);
  const heldAt: number[] = [];
  const releasedAt: number[] = [];

  const { history } = simulate(rules[compute], {
    ...(seed > 0 && badMetrics(seed)),
    minutes: 2 * day,
    arrivals: (minute) => (minute % 10 === 0 ? 1 : 0),
    wake: true,
    held(past) {
      const minute = past.length;
      bill(past);
      const executions = { holds, releases };
      if (minute % 5 === 0) {
        const today = minute - (minute % day);
        const spentUsd = usdOf(today, Math.max(minute - lateMinutes, today));
        const step = nextLimitStep({ now: at(minute), limitUsd, spentUsd, executions });
        if (step.do === 'hold') holds.unshift({ name: step.name, status: 'SUCCEEDED', at: at(minute) });
        if (step.do === 'hold') heldAt.push(minute);
        if (step.do === 'release') releases.unshift({ name: 'midnight', status: 'SUCCEEDED', at: at(minute) });
        if (step.do === 'release') releasedAt.push(minute);
      }
      return holdsInForce(executions).length > 0;
    },
  });
  bill(history);
  return { history, heldAt, releasedAt, usd: [usdOf(0, day), usdOf(day, 2 * day)] };
}

describe('one tiny picture every ten minutes', () => {
  test.each([
    ['gpu', 24.4],
    ['cpu', 4.86],
  ] as const)('keeps a machine on all day without a limit, on %s: %d USD', (compute, usd) => {
    expect(play(compute).usd[1]).toBeCloseTo(usd, 1);
  });

  test.each([
    // 5 USD are 4 h 55 min of a g5.xlarge at 1.018 USD; 1 USD is 4 h 56 min of Fargate at 0.202 USD.
    ['gpu', 5, 0.4],
    ['cpu', 1, 0.06],
  ] as const)('stops at about the limit and goes on after midnight, on %s with %d USD', (compute, limitUsd, over) => {
    const { history, heldAt, releasedAt, usd } = play(compute, { limitUsd });
    const [first = 0, second = 0] = heldAt;

    expect(heldAt).toHaveLength(2);
    expect(first).toBeGreaterThanOrEqual(hours(4) + 55);
    expect(first).toBeLessThanOrEqual(hours(5) + 10);
    // The second day begins with the kept pictures, for which several tasks start.
    expect(second - day).toBeLessThan(first);
    expect(releasedAt).toEqual([day]);
    for (const spent of usd) {
      expect(spent).toBeGreaterThanOrEqual(limitUsd);
      expect(spent).toBeLessThan(limitUsd + over);
    }
    // Nothing runs from the hold to midnight; then the first outcome takes as long as any wake-up.
    expect(Math.max(...history.slice(first + 20, day).map(({ machines }) => machines))).toBe(0);
    const outcome = history.findIndex(({ finished }, minute) => minute >= day && finished > 0);
    expect(outcome - day).toBeLessThanOrEqual(10);
    // The uploads of the rest of the day were kept.
    expect(history.reduce((sum, { finished }) => sum + finished, 0)).toBeGreaterThan(2 * 24 + 19 * 6);
  });

  test('late, missing and repeated metrics change nothing but minutes, 10 seeds', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { heldAt, releasedAt, usd } = play('gpu', { limitUsd: 5, lateMinutes: seed % 10, seed });
      expect(heldAt, `seed ${seed}`).toHaveLength(2);
      expect(releasedAt, `seed ${seed}`).toEqual([day]);
      for (const spent of usd) expect(Math.abs(spent - 5), `seed ${seed}`).toBeLessThan(0.6);
    }
  });
});
