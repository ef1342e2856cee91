import { stackCall } from '../cli/options/stack-option.ts';
import { ago } from './age.ts';
import { deadLetterNames } from './stack-queues.ts';
import type { StackState } from './stack-state.ts';

/** How much is left and for how long, as far as the metrics tell. */
export interface Outlook {
  /** Pictures that have no outcome yet, about. */
  outstanding: number;
  /** Of the last five minutes. */
  picturesPerSecond: number;
  /** Seconds; 0 when there is nothing to do, null when nothing has ended lately. */
  secondsLeft: number | null;
}

/** A message of the uploads queue is one picture; one of the tokens queue is as many as lately, or at least one. */
export function outlook({ queues, metrics }: StackState): Outlook {
  const messages = (name: 'uploads' | 'backfill' | 'tokens'): number => queues[name].waiting + queues[name].inFlight;
  const tokens = messages('tokens') * Math.max(metrics.batchFill ?? 1, 1);
  const outstanding = Math.round(messages('uploads') + messages('backfill') + tokens);
  const picturesPerSecond = metrics.succeededPerSecond + metrics.failedPerSecond;
  const secondsLeft = outstanding === 0 ? 0 : picturesPerSecond === 0 ? null : outstanding / picturesPerSecond;
  return { outstanding, picturesPerSecond, secondsLeft };
}

/** What somebody should know or do, one line each. */
export function notes(state: StackState): string[] {
  const { stack, at, brake, services, deadLetters, alarms } = state;
  const dead = deadLetterNames.reduce((sum, name) => sum + deadLetters[name].waiting + deadLetters[name].inFlight, 0);
  return [
    ...brakeNotes(state),
    ...(dead === 0 ? [] : [`${dead} dead letters: ${stackCall('redrive --dry-run', stack)} says why`]),
    ...services.flatMap(({ role, trouble }) => (trouble === null ? [] : [`${role}: ${trouble}`])),
    ...services.flatMap(({ role, stopped }) =>
      stopped
        .slice(0, 3)
        .map(
          ({ reason, advice, tasks, last }) =>
            `${role}: ${tasks} stopped${last === null ? '' : `, ${ago(last, at)}`}: ${[advice, reason].filter((part) => part !== null).join('. ECS says: ')}`,
        ),
    ),
    ...alarms
      // Said already, with what to do.
      .filter(({ name }) => !(name === 'CostBrake' && brake.state !== 'released'))
      .map(
        ({ name, description, since }) =>
          `alarm ${name}${since === null ? '' : ` since ${ago(since, at)}`}: ${description}`,
      ),
  ];
}

function brakeNotes({ stack, at, brake }: StackState): string[] {
  const { state, since, failed } = brake;
  const when = since === null ? '' : ` since ${ago(since, at)}`;
  const how = failed === null ? '' : ` (its state machine ended as ${failed})`;
  switch (state) {
    case 'released':
      return [];
    case 'releasing':
      return [`the cost brake is being released${when}`];
    case 'holding':
    case 'held':
      return [
        `the cost brake holds${when}${how}: tasks ran and no outcome came, so nothing starts and no picture is taken in; see the worker's log, then ${stackCall('doctor --release', stack)}`,
      ];
  }
}
