import { type BrakeExecutions, type Execution, holdsInForce } from './brake-executions.ts';
import { utcDay } from './daily-spend.ts';

/** A hold of the cost brake by `maxUsdPerDay`. */
export interface LimitHold {
  /** The UTC day whose limit was reached: `2026-12-01`. */
  day: string;
  /** The limit (USD). */
  usd: number;
}

const holdName = /^daily-limit-(\d{4}-\d{2}-\d{2})-(\d+)-cents-\d+$/;

/**
 * Name of the execution that holds the brake for a limit. An execution's name can be used once in 90 days, so a limit
 * holds once a day: after a release by an operator the day goes on without it. Another limit holds again.
 *
 * @param attempt 1, or more after attempts that failed
 */
export function limitHoldName({ day, usd }: LimitHold, attempt: number): string {
  return `daily-limit-${day}-${Math.round(usd * 100)}-cents-${attempt}`;
}

/** The limit that started an execution; undefined for an alarm or a person. */
export function limitHoldOf({ name }: Execution): LimitHold | undefined {
  const [, day, cents] = holdName.exec(name) ?? [];
  return day === undefined ? undefined : { day, usd: Number(cents) / 100 };
}

/** The limit that alone keeps the brake held; null if the brake does not hold, or an alarm or a person holds it too. */
export function limitInForce(executions: BrakeExecutions): LimitHold | null {
  const holders = holdsInForce(executions).map(limitHoldOf);
  return holders.every((holder) => holder !== undefined) ? (holders[0] ?? null) : null;
}

/** What the function of the daily limit does next. `hold`: with an execution of this name. */
export type LimitStep = { do: 'nothing' | 'release' } | { do: 'hold'; name: string; attempt: number };

export interface LimitQuestion {
  now: Date;
  /** The setting `maxUsdPerDay`. */
  limitUsd: number;
  /** Estimate since 00:00 UTC. */
  spentUsd: number;
  executions: BrakeExecutions;
}

/**
 * Holds the brake when the day's limit is reached, and releases it after midnight (UTC) if nothing but earlier days'
 * limits hold it.
 */
export function nextLimitStep({ now, limitUsd, spentUsd, executions }: LimitQuestion): LimitStep {
  const today = utcDay(now);
  const { holds, releases } = executions;
  // Its steps and ours would undo each other; there is a next time in five minutes.
  if (releases[0]?.status === 'RUNNING') return { do: 'nothing' };

  const limit = limitInForce(executions);
  if (limit !== null && limit.day < today) {
    const ended = holdsInForce(executions).every(({ status }) => status !== 'RUNNING');
    return { do: ended ? 'release' : 'nothing' };
  }

  if (spentUsd < limitUsd) return { do: 'nothing' };
  const earlier = holds.filter((hold) => {
    const holder = limitHoldOf(hold);
    return holder?.day === today && holder.usd === limitUsd;
  });
  const [latest] = earlier;
  if (latest !== undefined && !(hasFailed(latest) && holdsInForce(executions).includes(latest)))
    return { do: 'nothing' };
  const attempt = earlier.length + 1;
  return { do: 'hold', name: limitHoldName({ day: today, usd: limitUsd }, attempt), attempt };
}

/** Some steps failed, so tasks may still run. An execution that a person aborted has not failed. */
function hasFailed({ status }: Execution): boolean {
  return status === 'FAILED' || status === 'TIMED_OUT';
}
