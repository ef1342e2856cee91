import { CfnOutput, type Stack } from 'aws-cdk-lib';
import { type StackOutputs, stackOutputs } from '../../lib/contracts/stack-outputs.ts';
import type { Queues } from './queues.ts';

/** Writes the stack's outputs under the names of lib/contracts/stack-outputs.ts. */
export function writeOutputs(stack: Stack, values: StackOutputs): void {
  const named: Readonly<Record<string, string | undefined>> = values;
  for (const [name, output] of Object.entries(stackOutputs)) {
    const value = named[name];
    if (value !== undefined) new CfnOutput(stack, output, { value });
  }
}

/** Outputs of the queues. */
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
