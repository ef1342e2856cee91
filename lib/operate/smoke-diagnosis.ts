import { stackCall } from '../cli/options/stack-option.ts';
import { age } from './age.ts';
import { deadLetterNames } from './stack-queues.ts';
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
  | 'nowhere';

export interface Diagnosis {
  at: StuckAt;
  /** What was seen and what to do; one line. */
  words: string;
}

/** How far the picture came. */
export interface Progress {
  /** Its outcome is stored. */
  outcome: boolean;
  /** Dead letters before the picture was put. */
  deadBefore: number;
}

export function deadLetters({ deadLetters: queues }: StackState): number {
  return deadLetterNames.reduce((sum, name) => sum + queues[name].waiting + queues[name].inFlight, 0);
}

/** Says what stands in the way, the first thing on a picture's way that does. */
export function diagnose(state: StackState, { outcome, deadBefore }: Progress): Diagnosis {
  const { stack, brake, queues } = state;
  const outstanding = (name: 'uploads' | 'tokens'): number => queues[name].waiting + queues[name].inFlight;
  if (outcome) {
    return {
      at: 'event',
      words: 'the outcome is there, but its event did not come: look at the worker’s log, and at the topic’s policy',
    };
  }
  if (brake.state === 'held' || brake.state === 'holding') {
    return {
      at: 'cost_brake',
      words: `the cost brake holds, so no picture is taken in: look at the worker's log, then ${stackCall('doctor --release', stack)}`,
    };
  }
  const dead = deadLetters(state) - deadBefore;
  if (dead > 0) {
    return {
      at: 'dead_letters',
      words: `${dead} messages went to the dead letters: ${stackCall('redrive --dry-run', stack)} says why`,
    };
  }
  if (outstanding('tokens') > 0) return stuckAtTokens(state);
  if (outstanding('uploads') > 0) {
    return {
      at: 'uploads_queue',
      words: `${outstanding('uploads')} messages are in the uploads queue, and nothing comes to the tokens queue: preprocess fails or is throttled; look at its log`,
    };
  }
  return {
    at: 'nowhere',
    words:
      'no queue has a message: the input bucket’s notifications do not reach the uploads queue, or another consumer takes them; look at the bucket’s event notifications',
  };
}

function stuckAtTokens({ stack, services, queues, metrics }: StackState): Diagnosis {
  const sum = (count: 'desired' | 'running' | 'pending'): number =>
    services.reduce((total, service) => total + service[count], 0);
  const trouble = services.find((service) => service.trouble !== null)?.trouble;
  const stopped = services.flatMap((service) => service.stopped)[0];
  const stoppedWords =
    stopped === undefined ? '' : `; ${stopped.tasks} tasks stopped, the last reason: ${stopped.reason}`;
  const { waiting, inFlight } = queues.tokens;
  const messages = `${waiting + inFlight} messages are in the tokens queue`;
  if (sum('desired') === 0) {
    return {
      at: 'no_task',
      words: `${messages} and no task is wanted: preprocess could not wake the service; look at its log${stoppedWords}`,
    };
  }
  if (sum('running') === 0) {
    const why = trouble ?? 'a GPU instance takes about four minutes; without quota or capacity none comes';
    return {
      at: 'task_starting',
      words: `${messages} and no task runs yet (${sum('desired')} wanted, ${sum('pending')} starting): ${why}${stoppedWords}; ${stackCall('doctor', stack)} looks at the quotas`,
    };
  }
  const oldest = metrics.oldest.tokens === null ? '' : `, the oldest for ${age(metrics.oldest.tokens)}`;
  return {
    at: 'tokens_queue',
    words: `${messages}${oldest}, and ${sum('running')} tasks run: they are at other pictures, or cannot work; look at the worker's log${stoppedWords}`,
  };
}
