import type { DeployedStack } from '../../aws/deployed-stack.ts';
import { deadLetterNames, queueNames } from '../../aws/stack-queues.ts';
import type { StackState } from '../../aws/stack-state.ts';
import { printable } from '../terminal/printable.ts';
import { duration } from '../terminal/progress-bar.ts';
import { table } from '../terminal/table.ts';
import { age, ago } from './age.ts';
import { stackCall } from './stack-option.ts';

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

/** The whole picture, for people. */
export function statusReport({ name, region, outputs, status }: DeployedStack, state: StackState): string {
  const { at, queues, deadLetters, metrics } = state;
  const counted = [
    { title: 'messages', align: 'right' },
    { title: 'in flight', align: 'right' },
  ] as const;
  const rows = queueNames.map((queue) => {
    const { waiting, inFlight } = queues[queue];
    return [queue, String(waiting), String(inFlight), oldest(waiting + inFlight, metrics.oldest[queue])];
  });
  const deadRows = deadLetterNames.map((queue) => {
    const { waiting, inFlight } = deadLetters[queue];
    const total = waiting + inFlight;
    return [
      `dead letters of ${queue}`,
      String(waiting),
      String(inFlight),
      oldest(total, metrics.oldestDeadLetter[queue]),
    ];
  });
  const serviceRows = state.services.map(({ role, desired, running, pending }) => [
    role,
    ...[desired, running, pending].map(String),
  ]);
  const right = (title: string) => ({ title, align: 'right' }) as const;
  return [
    `${name} in ${region} (${status}), model ${outputs.modelId}, ${at.toTimeString().slice(0, 8)}\n`,
    table([{ title: 'queue' }, ...counted, right('oldest')], [...rows, ...deadRows]),
    table([{ title: 'tasks' }, right('wanted'), right('running'), right('starting')], serviceRows),
    `${paceWords(outlook(state), metrics.failedPerSecond)}\n`,
    notes(state)
      .map((line) => `${printable(line)}\n`)
      .join(''),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function oldest(messages: number, seconds: number | null): string {
  return messages === 0 || seconds === null ? '-' : age(seconds);
}

function paceWords({ outstanding, picturesPerSecond, secondsLeft }: Outlook, failedPerSecond: number): string {
  const pace =
    picturesPerSecond === 0
      ? 'no picture has ended in the last five minutes'
      : `${picturesPerSecond.toPrecision(3)} pictures/s in the last five minutes${failedPerSecond > 0 ? ` (${((100 * failedPerSecond) / picturesPerSecond).toFixed(1)} % failed)` : ''}`;
  if (outstanding === 0) return `${pace}; nothing is waiting`;
  const left = secondsLeft === null ? 'time left unknown' : `about ${duration(secondsLeft)} left`;
  return `${pace}; about ${outstanding} pictures outstanding, ${left}`;
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

/** For machines. */
export function statusJson({ name, region, account, status, outputs }: DeployedStack, state: StackState) {
  const { at, queues, deadLetters, services, brake, alarms, metrics } = state;
  const { outstanding, picturesPerSecond, secondsLeft } = outlook(state);
  return {
    ...{ stack: name, region, account, stack_status: status, model: outputs.modelId, at: at.toISOString() },
    queues: queueNames.map((queue) => ({
      queue,
      messages: queues[queue].waiting,
      in_flight: queues[queue].inFlight,
      oldest_seconds: metrics.oldest[queue],
    })),
    dead_letters: deadLetterNames.map((queue) => ({
      queue,
      messages: deadLetters[queue].waiting,
      in_flight: deadLetters[queue].inFlight,
      oldest_seconds: metrics.oldestDeadLetter[queue],
    })),
    tasks: services.map(({ role, desired, running, pending, trouble, stopped }) => ({
      ...{ service: role, desired, running, pending, trouble },
      stopped: stopped.map(({ reason, advice, tasks, last }) => ({
        ...{ reason, advice, tasks },
        last: last?.toISOString() ?? null,
      })),
    })),
    outstanding_pictures: outstanding,
    pictures_per_second: picturesPerSecond,
    failed_per_second: metrics.failedPerSecond,
    seconds_left: secondsLeft,
    cost_brake: { state: brake.state, since: brake.since?.toISOString() ?? null, failed: brake.failed },
    alarms: alarms.map(({ name, description, since }) => ({ name, description, since: since?.toISOString() ?? null })),
  };
}
