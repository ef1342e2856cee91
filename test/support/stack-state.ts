import type { DeadLetter } from '../../lib/operate/dead-letters.ts';
import type { DeployedStack } from '../../lib/operate/deployed-stack.ts';
import type { InferFunction, TokensMapping } from '../../lib/operate/infer-function.ts';
import type { ServiceState } from '../../lib/operate/stack-services.ts';
import type { StackState } from '../../lib/operate/stack-state.ts';

const nothing = { waiting: 0, inFlight: 0 };

/** The time of every state here. */
export const noon = new Date('2026-11-24T12:00:00Z');

export function minutesBefore(minutes: number): Date {
  return new Date(noon.getTime() - minutes * 60_000);
}

/** State of an idle stack, with these differences. */
export function stackState(differences: Partial<StackState> = {}): StackState {
  return {
    stack: 'Mine',
    at: noon,
    queues: { uploads: nothing, backfill: nothing, tokens: nothing, 'result-events': nothing },
    deadLetters: { uploads: nothing, tokens: nothing, 'result-events': nothing },
    services: [service('worker'), service('on-demand')],
    infer: null,
    modelId: deployedStack.outputs.modelId,
    brake: { state: 'released', since: null, failed: null, limit: null },
    alarms: [],
    metrics: {
      oldest: { uploads: null, backfill: null, tokens: null, 'result-events': null },
      oldestDeadLetter: { uploads: null, tokens: null, 'result-events': null },
      succeededPerSecond: 0,
      failedPerSecond: 0,
      batchFill: null,
      inferCalls: { made: 0, failed: 0, throttled: 0 },
    },
    ...differences,
  };
}

/** State of a stack with pictures in every queue, and a worker that starts. */
export function busyStackState(): StackState {
  const { metrics } = stackState();
  return stackState({
    queues: {
      uploads: { waiting: 90, inFlight: 10 },
      backfill: { waiting: 1000, inFlight: 0 },
      tokens: { waiting: 3, inFlight: 2 },
      'result-events': { waiting: 7, inFlight: 0 },
    },
    services: [service('worker', { desired: 2, running: 1, pending: 1 }), service('on-demand')],
    metrics: {
      ...metrics,
      oldest: { ...metrics.oldest, backfill: 7200, tokens: 30 },
      succeededPerSecond: 3,
      failedPerSecond: 1,
      batchFill: 80,
    },
  });
}

export function service(role: ServiceState['role'], differences: Partial<ServiceState> = {}): ServiceState {
  return { role, desired: 0, running: 0, pending: 0, trouble: null, stopped: [], ...differences };
}

/** An inference function that works, with these differences. */
export function inferFunction(differences: Partial<InferFunction> = {}): InferFunction {
  return {
    name: 'Mine-LambdaInfer',
    exists: true,
    state: 'Active',
    stateReason: null,
    updateFailed: null,
    memoryMb: 3008,
    timeoutSeconds: 60,
    logGroup: '/mine/infer',
    modelId: deployedStack.outputs.modelId,
    reserved: null,
    mapping: tokensMapping(),
    unread: [],
    ...differences,
  };
}

export function tokensMapping(differences: Partial<TokensMapping> = {}): TokensMapping {
  return { uuid: 'f0e1', state: 'Enabled', stateReason: null, maxConcurrency: 2, problem: null, ...differences };
}

/** State of an idle stack with `compute=lambda`, with these differences. */
export function lambdaStackState(differences: Partial<StackState> = {}): StackState {
  return stackState({ services: [], infer: inferFunction(), ...differences });
}

export const deployedStack: DeployedStack = {
  name: 'Mine',
  region: 'eu-central-1',
  account: '123456789012',
  status: 'CREATE_COMPLETE',
  outputs: {
    inputBucket: 'pictures',
    outputBucket: 'outcomes',
    resultsTopicArn: 'arn:aws:sns:eu-central-1:123456789012:results',
    resultEventsQueueUrl: 'https://sqs.example/123456789012/result-events',
    resultEventsDeadLettersUrl: 'https://sqs.example/123456789012/result-events-dead',
    uploadsQueueUrl: 'https://sqs.example/123456789012/uploads',
    backfillQueueUrl: 'https://sqs.example/123456789012/backfill',
    uploadsDeadLettersUrl: 'https://sqs.example/123456789012/uploads-dead',
    tokensQueueUrl: 'https://sqs.example/123456789012/tokens',
    tokensDeadLettersUrl: 'https://sqs.example/123456789012/tokens-dead',
    cluster: 'cluster',
    service: 'spot',
    onDemandService: 'on-demand',
    modelId: 'igpt-nano-753214900b85',
    modelLocation: 's3://outcomes/models/igpt-nano',
    metricNamespace: 'ImageGpt/Mine',
    alarmTopicArn: 'arn:aws:sns:eu-central-1:123456789012:alarms',
    dashboard: 'dashboard',
    costBrakeHoldArn: 'arn:aws:states:eu-central-1:123456789012:stateMachine:hold',
    costBrakeReleaseArn: 'arn:aws:states:eu-central-1:123456789012:stateMachine:release',
  },
};

/** A dead letter whose message was sent at noon. */
export function deadLetter(body: string, differences: Partial<DeadLetter> = {}): DeadLetter {
  return {
    id: '1',
    body,
    receipt: 'r',
    attributes: undefined,
    receiveCount: 5,
    sentAt: noon,
    sourceName: undefined,
    ...differences,
  };
}
