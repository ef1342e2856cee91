import { explainStop } from '../aws/stopped-task.ts';
import { ago } from './age.ts';
import type { LimitHold } from './daily-limit.ts';
import { type InferTrouble, inferTroubles } from './infer-trouble.ts';
import { deadLetterNames } from './stack-queues.ts';
import type { StackState } from './stack-state.ts';

/** How much work is left, and for how long. */
export interface Outlook {
  /** Estimated number of pictures without an outcome. */
  outstanding: number;
  /** Throughput of the last five minutes. */
  picturesPerSecond: number;
  /** 0 without work; null if no picture has ended lately. */
  secondsLeft: number | null;
}

/** Counts an uploads message as one picture, and a tokens message as the recent average number, at least one. */
export function outlook({ queues, metrics }: StackState): Outlook {
  const messages = (name: 'uploads' | 'backfill' | 'tokens'): number => queues[name].waiting + queues[name].inFlight;
  const tokens = messages('tokens') * Math.max(metrics.batchFill ?? 1, 1);
  const outstanding = Math.round(messages('uploads') + messages('backfill') + tokens);
  const picturesPerSecond = metrics.succeededPerSecond + metrics.failedPerSecond;
  const secondsLeft = outstanding === 0 ? 0 : picturesPerSecond === 0 ? null : outstanding / picturesPerSecond;
  return { outstanding, picturesPerSecond, secondsLeft };
}

/** Messages in all dead-letter queues. */
export function countDeadLetters({ deadLetters }: StackState): number {
  return deadLetterNames.reduce((sum, name) => sum + deadLetters[name].waiting + deadLetters[name].inFlight, 0);
}

/** True while the cost brake keeps the stack from working. */
export function brakeHolds({ brake }: StackState): boolean {
  return brake.state === 'held' || brake.state === 'holding';
}

/** What is wrong with the inference function; empty without one. */
export function troublesOf(state: StackState, call: (verb: string) => string): InferTrouble[] {
  const { infer, modelId, brake, metrics } = state;
  if (infer === null) return [];
  return inferTroubles(infer, { modelId, braked: brake.state !== 'released', calls: metrics.inferCalls, call });
}

/** Reasons shown per service; the latest come first. */
const maxStopReasons = 3;

/**
 * What an operator should know or do, one line each. The cost brake comes first.
 *
 * @param call command line of a verb for this stack
 */
export function notes(state: StackState, call: (verb: string) => string): string[] {
  return [...workNotes(state, call), ...troublesOf(state, call).map(({ words }) => `infer: ${words}`)];
}

/** The {@link notes} about everything but the inference function. */
export function workNotes(state: StackState, call: (verb: string) => string): string[] {
  const { at, brake, services, alarms } = state;
  const dead = countDeadLetters(state);
  return [
    ...brakeNotes(state, call),
    ...(dead === 0 ? [] : [`${dead} dead letters: ${call('redrive --dry-run')} shows why`]),
    ...services.flatMap(({ role, trouble }) => (trouble === null ? [] : [`${role}: ${trouble}`])),
    ...services.flatMap(({ role, stopped }) =>
      stopped.slice(0, maxStopReasons).map((stop) => {
        const when = stop.last === null ? '' : `, ${ago(stop.last, at)}`;
        return `${role}: ${stop.tasks} stopped${when}: ${explainStop(stop)}`;
      }),
    ),
    ...alarms
      // The note about the brake says the same, and what to do.
      .filter(({ name }) => !(name === 'CostBrake' && brake.state !== 'released'))
      .map(({ name, description, since }) => {
        const when = since === null ? '' : ` since ${ago(since, at)}`;
        return `alarm ${name}${when}: ${description}`;
      }),
  ];
}

/** Time that the release at midnight may take: its schedule, two steps for each service or queue, and retries (minutes). */
const releaseMinutes = 30;

/** The limit's day is over, and its function should have released the brake. */
function isOverdue({ day }: LimitHold, at: Date): boolean {
  const midnight = Date.parse(`${day}T24:00:00Z`);
  return at.getTime() > midnight + releaseMinutes * 60_000;
}

function brakeNotes({ at, brake, infer }: StackState, call: (verb: string) => string): string[] {
  const { state, since, failed, limit } = brake;
  const when = since === null ? '' : ` since ${ago(since, at)}`;
  const how = failed === null ? '' : ` (its state machine ended as ${failed})`;
  const [ran, stopped, log] =
    infer === null
      ? ['tasks ran', 'no task starts and no upload is processed', "the worker's log"]
      : ['the function ran', 'neither uploads nor tokens are processed', "the function's log"];
  switch (state) {
    case 'released':
      return [];
    case 'releasing':
      return [`the cost brake is being released${when}`];
    case 'holding':
    case 'held': {
      const release = call('doctor --release');
      if (limit === null) {
        return [
          `the cost brake holds${when}${how}: ${ran} without an outcome, or a bucket denied access, so ${stopped}; read ${log}, then run ${release}`,
        ];
      }
      const reached = `the daily limit of ${limit.usd} USD, reached on ${limit.day} (UTC), holds the cost brake${when}${how}: ${stopped}`;
      if (!isOverdue(limit, at))
        return [`${reached} until 00:00 UTC; to go on today without the limit, run ${release}`];
      return [`${reached}; nothing has released it at 00:00 UTC (was maxUsdPerDay removed?): run ${release}`];
    }
  }
}
