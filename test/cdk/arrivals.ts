import { badMetrics, hours } from './bad-metrics.ts';
import type { Rule } from './scaling-rules.ts';
import { simulate } from './simulated-scaling.ts';

/** What limits the throughput of one stack: settings, quotas, and the speed of functions and tasks. */
export interface Ceilings {
  /** Setting `preprocessConcurrency`. */
  preprocessConcurrency: number;
  /** Functions at once that the account leaves to preprocess. */
  functionsAtOnce: number;
  /** Pictures that a preprocess function finishes (pictures/s). */
  picturesPerFunction: number;
  /** Pictures that a worker task finishes (pictures/s). */
  picturesPerTask: number;
  /** Instances that the quotas of vCPUs allow. */
  instances: { main: number; onDemand: number };
  /** Outcomes that S3 accepts (PUT requests/s). */
  writes: number;
  /** Events that SNS accepts (messages/s). */
  publishes: number;
}

/** Pictures in a tokens message when many arrive at once, and messages in a delivery to preprocess. */
const fill = 100;

/**
 * Functions that an event source mapping starts with, adds in a minute, and runs at most. Source: AWS Lambda Developer
 * Guide, "Configuring scaling behavior for SQS event source mappings" (1,000 at most in earlier versions of the page).
 */
const mapping = { first: 5, each: 300, most: 1250 };

/** Messages of a standard queue in flight. Source: Amazon SQS Developer Guide, "Amazon SQS standard queue quotas". */
const mostInFlight = 120_000;

/** Long enough for all tasks to start, and for the number of tasks to go up and down. */
const playedMinutes = hours(8);

export interface Played {
  /** Tasks that are desired at the end. */
  tasks: { main: number; onDemand: number };
  /** How fast each backlog grows during the second half (pictures/s). */
  grows: { uploads: number; tokens: number };
}

/**
 * Plays `picturesPerSecond` uploads for eight hours: preprocess within its ceilings, then the template's own alarms and
 * policies over the tokens queue, with the bad metrics of `seed`.
 */
export function playArrivals(
  rules: readonly Rule[],
  ceilings: Ceilings,
  picturesPerSecond: number,
  seed: number,
): Played {
  const preprocessed = preprocess(ceilings, picturesPerSecond);
  const { history } = simulate(rules, {
    ...badMetrics(seed),
    minutes: playedMinutes,
    arrivals: (minute) => preprocessed[minute]?.messages ?? 0,
    perTaskAndMinute: Math.floor((ceilings.picturesPerTask * 60) / fill),
    mostFinished: Math.floor((Math.min(ceilings.writes, ceilings.publishes) * 60) / fill),
    instances: ceilings.instances,
    wake: true,
  });
  return {
    tasks: history.at(-1)?.desired ?? { main: 0, onDemand: 0 },
    grows: {
      uploads: growth(preprocessed.map(({ waiting }) => waiting)),
      tokens: growth(history.map(({ outstanding }) => outstanding * fill)),
    },
  };
}

/** Pictures that wait at the end of each minute, and the tokens messages that it sends. */
function preprocess(ceilings: Ceilings, picturesPerSecond: number) {
  const { preprocessConcurrency, functionsAtOnce, picturesPerFunction } = ceilings;
  const most = Math.min(preprocessConcurrency, functionsAtOnce, mapping.most, mostInFlight / fill);
  let waiting = 0;
  let unsent = 0;
  return Array.from({ length: playedMinutes }, (_, minute) => {
    const functions = Math.min(most, mapping.first + mapping.each * minute);
    const arrived = waiting + picturesPerSecond * 60;
    const finished = Math.min(arrived, functions * picturesPerFunction * 60);
    waiting = arrived - finished;
    const messages = Math.floor((unsent + finished) / fill);
    unsent += finished - messages * fill;
    return { waiting, messages };
  });
}

/** Growth of a backlog during the second half (pictures/s). */
function growth(backlog: readonly number[]): number {
  const half = playedMinutes / 2;
  return ((backlog.at(-1) ?? 0) - (backlog.at(-1 - half) ?? 0)) / (half * 60);
}
