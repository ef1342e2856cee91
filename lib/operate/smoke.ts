import { createS3Client, createSnsClient, createSqsClient } from '../aws/clients.ts';
import { createS3Store } from '../aws/s3-store.ts';
import { createSqsQueue } from '../aws/sqs-queue.ts';
import { pipelineEvent } from '../contracts/event.ts';
import { readMessage } from '../contracts/message-text.ts';
import { type Outcome, parseOutcome } from '../contracts/outcome.ts';
import { systemClock as clock } from '../local/system-clock.ts';
import { outcomeKey } from '../pipeline/outcome-key.ts';
import { ImageGptError } from '../ports/error.ts';
import type { Queue } from '../ports/queue.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { openEventTap } from './event-tap.ts';
import { diagnose, obstacleFor, type Progress } from './smoke-diagnosis.ts';
import { deleteStored, findStored, smokeKey, storePicture } from './smoke-picture.ts';
import { brakeHolds, countDeadLetters } from './stack-outlook.ts';
import { createStateClients, readStackState, type StackState } from './stack-state.ts';

/** Reports the stages of a smoke test. */
export interface SmokeStages {
  /** The first stage begins. `doing` describes it. */
  start(doing: string): void;
  /** The current stage has ended as `stage`; the next one does `doing`. */
  done(stage: string, doing: string): void;
  /** Adds a detail to the current stage. */
  note(text: string): void;
}

export interface SmokeOptions {
  picture: Uint8Array;
  /** Suffix of the picture's key: `.jpg`. */
  suffix: string;
  timeoutMs: number;
  stages: SmokeStages;
  signal: AbortSignal;
  /** Command line of a verb for this stack. */
  call(verb: string): string;
  /** Called when something could not be removed. */
  onLeftover(error: unknown): void;
}

/** How often the outcome is polled (milliseconds). */
const outcomePollMs = 1000;

/** How often queues and tasks are polled (milliseconds). */
const statePollMs = 5000;

/** Least time to wait for the event after its outcome (milliseconds). It usually arrives at once. */
const eventTimeoutMs = 60_000;

/** `smoke_stuck`: the picture got no outcome or no event. `smoke_failed`: its outcome is a failure. */
export class SmokeError extends ImageGptError {
  declare readonly code: 'smoke_stuck' | 'smoke_failed';

  constructor(code: SmokeError['code'], message: string) {
    super(code, message);
  }
}

/**
 * Sends a picture through a deployed stack and waits for its outcome and event. Always removes the picture, its outcome
 * and the queue for its event. Undefined: interrupted by `signal`.
 *
 * @throws {SmokeError} when the outcome or the event does not arrive in time
 * @throws {CommandError} when a request to AWS fails
 */
export async function sendSmokePicture(stack: DeployedStack, options: SmokeOptions): Promise<Outcome | undefined> {
  const { picture, suffix, stages, signal, onLeftover } = options;
  const { inputBucket, outputBucket, modelId } = stack.outputs;
  const [s3, sqs, stateClients] = [createS3Client(), createSqsClient(), createStateClients()];
  const readState = (): Promise<StackState> => readStackState(stateClients, stack, clock.now());
  const before = await readState();
  if (isBlocked(before, options)) throw stuck(before, { outcome: false, deadBefore: 0 }, options);

  const key = smokeKey(clock.now(), suffix);
  const resultKey = outcomeKey(modelId, key);
  const filter = { scope: 'MessageBody', policy: { key: [key] } } as const;
  const tap = await openEventTap({ sqs, sns: createSnsClient(), stack, clock, filter });
  try {
    stages.start('uploading');
    const stored = await storePicture(s3, inputBucket, key, picture);
    stages.done('picture stored', 'waiting for its outcome');
    try {
      const output = createS3Store({ client: s3, bucket: outputBucket, clock });
      const readOutcome = async (): Promise<Outcome | undefined> => {
        const read = await output.get(resultKey);
        return read.status === 'found' ? parseOutcome(read.body) : undefined;
      };
      const queue = createSqsQueue({ client: sqs, url: tap.url, maxReceiveCount: Number.POSITIVE_INFINITY });
      const receiveEvent = (): Promise<boolean> => receivedEvent(queue, key, signal);
      return await waitForPicture({ ...options, before, readState, readOutcome, receiveEvent });
    } finally {
      stages.note('removing the picture');
      await deleteStored(s3, stored).catch(onLeftover);
      await findStored(s3, outputBucket, resultKey)
        .then((outcome) => outcome && deleteStored(s3, outcome))
        .catch(onLeftover);
    }
  } finally {
    await tap.close().catch(onLeftover);
  }
}

/** Other pictures' events arrive too, until the new filter policy is effective. */
async function receivedEvent(queue: Queue, key: string, signal: AbortSignal): Promise<boolean> {
  const messages = await queue.receive({ maxMessages: 10, waitMs: 2000, signal });
  await queue.delete(messages.map(({ receipt }) => receipt));
  return messages.some(({ body }) => {
    const event = readMessage(body, pipelineEvent, 'a result event');
    return event.type === 'result' && event.key === key;
  });
}

interface WaitOptions extends SmokeOptions {
  /** State of the stack before the upload. */
  before: StackState;
  readState(): Promise<StackState>;
  readOutcome(): Promise<Outcome | undefined>;
  /** Waits for the event for at most two seconds. */
  receiveEvent(): Promise<boolean>;
}

async function waitForPicture(options: WaitOptions): Promise<Outcome | undefined> {
  const { before, readState, receiveEvent, stages, timeoutMs, signal } = options;
  const deadBefore = countDeadLetters(before);
  const started = performance.now();
  const outcome = await waitForOutcome(options, deadBefore);
  if (outcome === undefined) return undefined;
  stages.done('outcome stored', 'waiting for its event');
  const until = performance.now() + Math.max(eventTimeoutMs, timeoutMs - (performance.now() - started));
  while (!(await receiveEvent())) {
    if (signal.aborted) return undefined;
    if (performance.now() > until) throw timedOut(await readState(), { outcome: true, deadBefore }, options);
  }
  stages.done('event received', '');
  return outcome;
}

async function waitForOutcome(options: WaitOptions, deadBefore: number): Promise<Outcome | undefined> {
  const { before, readState, readOutcome, stages, timeoutMs, signal, call } = options;
  const progress = { outcome: false, deadBefore };
  const started = performance.now();
  let stateReadAt = Number.NEGATIVE_INFINITY;
  let taskRuns = hasRunningTask(before);
  while (!signal.aborted) {
    const outcome = await readOutcome();
    if (outcome !== undefined) return outcome;
    if (performance.now() - started > timeoutMs) throw timedOut(await readState(), progress, options);
    if (performance.now() - stateReadAt > statePollMs) {
      stateReadAt = performance.now();
      const state = await readState();
      if (isBlocked(state, options)) throw stuck(state, progress, options);
      if (!taskRuns && hasRunningTask(state)) {
        taskRuns = true;
        stages.done('a task runs', 'waiting for its outcome');
      }
      stages.note(diagnose(state, progress, call).at.replaceAll('_', ' '));
    }
    await clock.sleep(outcomePollMs, signal);
  }
  return undefined;
}

function hasRunningTask({ services }: StackState): boolean {
  return services.some(({ running }) => running > 0);
}

/** Waiting does not help: the brake holds, or the inference function cannot work. Every other obstacle may pass. */
function isBlocked(state: StackState, { call }: Pick<SmokeOptions, 'call'>): boolean {
  return brakeHolds(state) || obstacleFor(state, call) !== undefined;
}

function stuck(state: StackState, progress: Progress, { call }: Pick<SmokeOptions, 'call'>): SmokeError {
  return new SmokeError('smoke_stuck', diagnose(state, progress, call).words);
}

function timedOut(state: StackState, progress: Progress, { call, timeoutMs }: SmokeOptions): SmokeError {
  const { words } = diagnose(state, progress, call);
  return new SmokeError('smoke_stuck', `nothing came within ${Math.round(timeoutMs / 1000)} s; ${words}`);
}
