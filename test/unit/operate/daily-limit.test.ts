import { describe, expect, it } from 'vitest';
import { type Execution, holdsInForce } from '../../../lib/operate/brake-executions.ts';
import {
  type LimitQuestion,
  type LimitStep,
  limitHoldName,
  limitHoldOf,
  limitInForce,
  nextLimitStep,
} from '../../../lib/operate/daily-limit.ts';
import { utcDay } from '../../../lib/operate/daily-spend.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const day = '2026-12-01';
const execution = (time: string, name: string, status = 'SUCCEEDED'): Execution => ({
  name,
  status,
  at: new Date(`2026-12-${time}Z`),
});
const limit = (time: string, { usd = 5, attempt = 1, status = 'SUCCEEDED' } = {}) =>
  execution(time, limitHoldName({ day: `2026-12-${time.slice(0, 2)}`, usd }, attempt), status);
const other = (time: string, status?: string) => execution(time, 'e3b0c442-98fc', status);

interface Situation {
  now: string;
  spentUsd?: number;
  limitUsd?: number;
  holds?: readonly Execution[];
  releases?: readonly Execution[];
}

function step({ now, spentUsd = 0, limitUsd = 5, holds = [], releases = [] }: Situation): LimitStep {
  const question: LimitQuestion = {
    now: new Date(`2026-12-${now}Z`),
    spentUsd,
    limitUsd,
    executions: { holds, releases },
  };
  return nextLimitStep(question);
}

const nothing = { do: 'nothing' };
const release = { do: 'release' };
const hold = (usd = 5, attempt = 1) => ({ do: 'hold', name: limitHoldName({ day, usd }, attempt), attempt });

describe('the name of a hold', () => {
  it('tells day, amount and attempt in characters that Step Functions allows', () => {
    expect(limitHoldName({ day, usd: 7.5 }, 2)).toBe('daily-limit-2026-12-01-750-cents-2');
    expect(limitHoldName({ day, usd: 100_000 }, 288).length).toBeLessThanOrEqual(80);
  });

  it.each([0.1, 0.29, 1.1, 5, 19.99, 100_000])('gives %d USD back', (usd) => {
    expect(limitHoldOf({ name: limitHoldName({ day, usd }, 1), status: '', at: new Date() })).toEqual({ day, usd });
  });

  it('is no alarm’s: EventBridge and the console give executions random names', () => {
    expect(limitHoldOf(other('01T10:00'))).toBeUndefined();
  });
});

describe('the daily limit', () => {
  it('holds when it is reached, and not before', () => {
    expect(step({ now: '01T10:00', spentUsd: 4.99 })).toEqual(nothing);
    expect(step({ now: '01T10:00', spentUsd: 5 })).toEqual(hold());
  });

  it('holds once, until midnight UTC, also if the estimate falls again', () => {
    const holds = [limit('01T10:00')];

    for (const spentUsd of [0, 4, 6]) expect(step({ now: '01T23:55', spentUsd, holds })).toEqual(nothing);
    expect(step({ now: '02T00:00', holds })).toEqual(release);
  });

  it('does not hold again on a day on which an operator has released it', () => {
    const holds = [limit('01T10:00')];
    const releases = [execution('01T11:00', 'by-hand')];

    expect(step({ now: '01T23:00', spentUsd: 50, holds, releases })).toEqual(nothing);
    expect(step({ now: '02T09:00', spentUsd: 5, holds, releases })).toEqual({
      ...hold(),
      name: limitHoldName({ day: '2026-12-02', usd: 5 }, 1),
    });
  });

  it('holds also while an alarm holds, so that a release counts for both', () => {
    expect(step({ now: '01T10:00', spentUsd: 5, holds: [other('01T09:00')] })).toEqual(hold());
  });

  it.each([
    ['an alarm before it', [limit('01T10:00'), other('01T09:00')]],
    ['an alarm after it', [other('01T10:05'), limit('01T10:00')]],
    ['a person alone', [other('01T10:00')]],
    ['a person after midnight', [other('02T00:01'), limit('01T10:00')]],
  ])('never releases what %s has pulled', (_, holds) => {
    expect(step({ now: '02T00:05', holds })).toEqual(nothing);
  });

  it('releases after midnight what only it holds, whatever was released before', () => {
    const holds = [limit('01T10:00'), other('01T08:00')];

    expect(step({ now: '02T00:00', holds, releases: [execution('01T09:00', 'by-hand')] })).toEqual(release);
  });

  it('waits for a state machine that runs', () => {
    expect(step({ now: '02T00:00', holds: [limit('01T23:57', { status: 'RUNNING' })] })).toEqual(nothing);
    const releases = [execution('02T00:00', 'midnight', 'RUNNING')];
    expect(step({ now: '02T00:05', holds: [limit('01T10:00')], releases })).toEqual(nothing);
    expect(step({ now: '01T10:05', spentUsd: 9, holds: [other('01T08:00')], releases })).toEqual(nothing);
  });

  it('tries again when a hold or a release has failed', () => {
    const failed = limit('01T10:00', { status: 'FAILED' });
    expect(step({ now: '01T10:05', spentUsd: 5, holds: [failed] })).toEqual(hold(5, 2));
    const holds = [limit('01T10:05', { attempt: 2, status: 'TIMED_OUT' }), failed];
    expect(step({ now: '01T12:10', spentUsd: 5, holds })).toEqual(hold(5, 3));
    expect(step({ now: '02T00:10', holds, releases: [execution('02T00:00', 'midnight', 'FAILED')] })).toEqual(release);
  });

  it('does not repeat a hold that a person has aborted, or released after it failed', () => {
    expect(step({ now: '01T10:05', spentUsd: 5, holds: [limit('01T10:00', { status: 'ABORTED' })] })).toEqual(nothing);
    const holds = [limit('01T10:00', { status: 'FAILED' })];
    expect(step({ now: '01T10:30', spentUsd: 5, holds, releases: [execution('01T10:20', 'by-hand')] })).toEqual(
      nothing,
    );
  });

  it('another amount on the same day holds when that is reached', () => {
    const holds = [limit('01T10:00')];
    const releases = [execution('01T11:00', 'by-hand')];

    expect(step({ now: '01T12:00', limitUsd: 10, spentUsd: 9, holds, releases })).toEqual(nothing);
    expect(step({ now: '01T13:00', limitUsd: 10, spentUsd: 10, holds, releases })).toEqual(hold(10));
    expect(step({ now: '01T13:00', limitUsd: 3, spentUsd: 6, holds, releases })).toEqual(hold(3));
  });

  it('a higher amount does not release the lower one before midnight', () => {
    const holds = [limit('01T10:00')];

    expect(step({ now: '01T12:00', limitUsd: 10, spentUsd: 6, holds })).toEqual(nothing);
    expect(step({ now: '02T00:00', limitUsd: 10, holds })).toEqual(release);
  });
});

/** Three days, in steps of five minutes, in which metrics, alarms, people and state machines do anything. */
function play(seed: number): string[] {
  const faults: string[] = [];
  const random = seededRandom(seed);
  const chance = (share: number) => random() < share;
  const start = Date.parse('2026-12-01T00:00:00Z');
  const holds: Execution[] = [];
  const releases: Execution[] = [];
  const ends = new Map<Execution, { at: number; status: string }>();
  const run = (list: Execution[], name: string, now: number): void => {
    const started = { name, status: 'RUNNING', at: new Date(now) };
    const status = chance(0.1) ? 'FAILED' : 'SUCCEEDED';
    ends.set(started, { at: now + 60_000 * Math.ceil(random() * 12), status });
    list.unshift(started);
  };
  let limitUsd = 1 + Math.floor(random() * 10);
  let spent = 0;
  const hourly = random() * 4;

  for (let minute = 0; minute < 3 * 1440; minute += 5) {
    const now = start + minute * 60_000;
    for (const [running, end] of ends) if (now >= end.at) running.status = end.status;
    const executions = { holds, releases };
    const inForce = holdsInForce(executions);
    if (minute % 1440 === 0) spent = 0;
    if (inForce.length === 0) spent += hourly / 12;
    if (chance(0.0025)) limitUsd = 1 + Math.floor(random() * 10);
    if (chance(0.005)) run(holds, `alarm-${minute}`, now);
    if (chance(inForce.length > 0 ? 0.01 : 0)) run(releases, `person-${minute}`, now);
    // The schedule fails now and then.
    if (chance(0.01)) continue;

    // Late and missing metrics make the estimate too small.
    const estimate = chance(0.2) ? spent * random() : spent;
    const at = new Date(now);
    const today = utcDay(at);
    const before = inForce.map(limitHoldOf);
    const next = nextLimitStep({ now: at, limitUsd, spentUsd: estimate, executions });
    const known = (holder: Execution) => {
      const { day, usd } = limitHoldOf(holder) ?? {};
      return day === today && usd === limitUsd;
    };
    if (next.do === 'release') {
      const old = before.length > 0 && before.every((holder) => holder !== undefined && holder.day < today);
      if (!old) faults.push(`seed ${seed}, minute ${minute}: released what it must not`);
      run(releases, `midnight-${minute}`, now);
    }
    if (next.do === 'hold') {
      if (estimate < limitUsd) faults.push(`seed ${seed}, minute ${minute}: held too early`);
      if (holds.some(({ name }) => name === next.name)) faults.push(`seed ${seed}, minute ${minute}: a name twice`);
      const again = holds.some((holder) => known(holder) && !inForce.includes(holder));
      if (again) faults.push(`seed ${seed}, minute ${minute}: held again after a release`);
      run(holds, next.name, now);
    }
    const quiet = [...holds, ...releases].every(({ status }) => status !== 'RUNNING');
    if (next.do === 'nothing' && quiet && estimate === spent) {
      if (spent >= limitUsd && !holds.some(known)) faults.push(`seed ${seed}, minute ${minute}: did not hold`);
      const alone = limitInForce(executions);
      if (alone !== null && alone.day < today) faults.push(`seed ${seed}, minute ${minute}: did not release`);
    }
  }
  return faults;
}

it('100 seeds of three wild days: it holds in time, never lets go early, and releases only its own', () => {
  expect(Array.from({ length: 100 }, (_, seed) => play(seed)).flat()).toEqual([]);
});
