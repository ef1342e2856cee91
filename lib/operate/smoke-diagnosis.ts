import { explainStop } from '../aws/stopped-task.ts';
import { age } from './age.ts';
import { brakeHolds, countDeadLetters, troublesOf } from './stack-outlook.ts';
import type { StackState } from './stack-state.ts';

/** Where a picture is stuck. */
type StuckAt =
  | 'cost_brake'
  | 'event'
  | 'dead_letters'
  | 'uploads_queue'
  | 'no_task'
  | 'task_starting'
  | 'tokens_queue'
  | 'infer_function'
  | 'nowhere';

export interface Diagnosis {
  at: StuckAt;
  /** What was found and what to do, in one line. */
  words: string;
}

/** What is known about the picture. */
export interface Progress {
  /** Its outcome is stored. */
  outcome: boolean;
  /** Dead letters before the upload. */
  deadBefore: number;
}

/**
 * Finds the first obstacle on a picture's way.
 *
 * @param call command line of a verb for this stack
 */
export function diagnose(
  state: StackState,
  { outcome, deadBefore }: Progress,
  call: (verb: string) => string,
): Diagnosis {
  const { queues } = state;
  const computer = state.infer === null ? 'worker' : 'function';
  const messages = (name: 'uploads' | 'tokens'): number => queues[name].waiting + queues[name].inFlight;
  if (outcome) {
    return {
      at: 'event',
      words: `the outcome is stored, but its event did not arrive: read the ${computer}’s log and check the topic’s policy`,
    };
  }
  if (brakeHolds(state)) {
    const { limit } = state.brake;
    const why =
      limit === null
        ? `the cost brake holds, so no upload is processed: read the ${computer}'s log, then run`
        : `the daily limit of ${limit.usd} USD holds the cost brake, so no upload is processed: wait for 00:00 UTC, or run`;
    return { at: 'cost_brake', words: `${why} ${call('doctor --release')}` };
  }
  const obstacle = obstacleFor(state, call);
  if (obstacle !== undefined) return { at: 'infer_function', words: `the inference function cannot work: ${obstacle}` };
  const dead = countDeadLetters(state) - deadBefore;
  if (dead > 0) {
    return { at: 'dead_letters', words: `${dead} messages were dead-lettered: ${call('redrive --dry-run')} shows why` };
  }
  if (messages('tokens') > 0) return diagnoseTokens(state, call);
  if (messages('uploads') > 0) {
    return {
      at: 'uploads_queue',
      words: `${messages('uploads')} messages are in the uploads queue and none is in the tokens queue: preprocess fails or is throttled; read its log`,
    };
  }
  return {
    at: 'nowhere',
    words:
      'all queues are empty: the input bucket’s notifications do not arrive at the uploads queue, or another consumer receives them; check the bucket’s event notifications',
  };
}

/** Why no outcome comes until somebody acts; undefined if one may come. */
export function obstacleFor(state: StackState, call: (verb: string) => string): string | undefined {
  // During a change of compute, tasks may still work.
  if (state.services.length > 0) return undefined;
  return troublesOf(state, call).find(({ lasting }) => lasting)?.words;
}

function diagnoseTokens(state: StackState, call: (verb: string) => string): Diagnosis {
  const { services, infer, queues, metrics } = state;
  const sum = (count: 'desired' | 'running' | 'pending'): number =>
    services.reduce((total, service) => total + service[count], 0);
  const trouble = services.find((service) => service.trouble !== null)?.trouble;
  const [stop] = services.flatMap((service) => service.stopped);
  const stops = stop === undefined ? '' : `; ${stop.tasks} tasks stopped: ${explainStop(stop)}`;
  const { waiting, inFlight } = queues.tokens;
  const messages = `${waiting + inFlight} messages are in the tokens queue`;
  const oldest = metrics.oldest.tokens === null ? '' : `, the oldest for ${age(metrics.oldest.tokens)}`;
  if (infer !== null) {
    const [trouble] = troublesOf(state, call);
    const log = infer.logGroup === null ? 'its log' : `its log ${infer.logGroup}`;
    const why =
      trouble?.words ??
      `it processes other pictures, or it fails: read ${log}, or run ${call('doctor')}, which calls it once`;
    return { at: 'infer_function', words: `${messages}${oldest}, which the function ${infer.name} takes: ${why}` };
  }
  if (sum('desired') === 0) {
    return {
      at: 'no_task',
      words: `${messages} and the service wants no task: preprocess could not wake it; read the log of preprocess${stops}`,
    };
  }
  if (sum('running') === 0) {
    const why = trouble ?? 'a GPU instance takes about four minutes; without quota or capacity none starts';
    return {
      at: 'task_starting',
      words: `${messages} and no task runs yet (${sum('desired')} wanted, ${sum('pending')} starting): ${why}${stops}; ${call('doctor')} checks the quotas`,
    };
  }
  return {
    at: 'tokens_queue',
    words: `${messages}${oldest}, and ${sum('running')} tasks run: they process other pictures, or they fail; read the worker's log${stops}`,
  };
}
