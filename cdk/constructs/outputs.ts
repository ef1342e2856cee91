import { CfnOutput, type Stack } from 'aws-cdk-lib';
import { stackOutputs } from '../../lib/contracts/stack-outputs.ts';
import type { Queues } from './queues.ts';

type Name = keyof typeof stackOutputs;

/** Outputs that not every stack has. */
type Optional = 'onDemandService' | 'trainingQueue' | 'trainingJob' | 'batchQueue' | 'batchJob';

export type OutputValues = Record<Exclude<Name, Optional>, string> & Partial<Record<Optional, string>>;

/** Writes the stack's outputs under their names of the contract. */
export function writeOutputs(stack: Stack, values: OutputValues): void {
  for (const [key, output] of Object.entries(stackOutputs)) {
    const value = values[key as Name];
    if (value !== undefined) new CfnOutput(stack, output, { value });
  }
}

/** The queues' part of the outputs. */
export function queueOutputs(queues: Queues) {
  return {
    uploadsQueueUrl: queues.uploads.queueUrl,
    backfillQueueUrl: queues.backfill.queueUrl,
    uploadsDeadLettersUrl: queues.uploadsDeadLetters.queueUrl,
    tokensQueueUrl: queues.tokens.queueUrl,
    tokensDeadLettersUrl: queues.tokensDeadLetters.queueUrl,
    resultEventsQueueUrl: queues.resultEvents.queueUrl,
    resultEventsDeadLettersUrl: queues.resultEventsDeadLetters.queueUrl,
  };
}
