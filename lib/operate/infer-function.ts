import {
  type EventSourceMappingConfiguration,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  type GetFunctionConfigurationCommandOutput,
  type LambdaClient,
  paginateListEventSourceMappings,
} from '@aws-sdk/client-lambda';
import { awsErrorName } from '../aws/aws-error.ts';
import type { StackOutputs } from '../contracts/stack-outputs.ts';
import { commandError } from './command-error.ts';
import { queueNameOf } from './stack-queues.ts';

/** The inference function of a stack with `compute=lambda`, as Lambda describes it. Null: Lambda does not say it. */
export interface InferFunction {
  name: string;
  exists: boolean;
  /** Active, Pending, Inactive, Failed … */
  state: string | null;
  stateReason: string | null;
  /** Why the last update of its code or configuration failed; null if it did not. */
  updateFailed: string | null;
  memoryMb: number | null;
  timeoutSeconds: number | null;
  logGroup: string | null;
  /** `MODEL_ID` of its environment; empty without that variable. */
  modelId: string | null;
  /** Concurrent calls that are reserved for it, and its limit; null if none are reserved. */
  reserved: number | null;
  /** What delivers the tokens queue to it; null if nothing does. Undefined: not readable. */
  mapping: TokensMapping | null | undefined;
  /** What these credentials may not read, one line each. */
  unread: string[];
}

export interface TokensMapping {
  uuid: string;
  /** Enabled, Enabling, Disabled, Disabling, Creating, Updating, Deleting. */
  state: string;
  stateReason: string | null;
  /** Most concurrent calls; null without a limit. */
  maxConcurrency: number | null;
  /** Lambda's words if it reports a problem with the last delivery. */
  problem: string | null;
}

/**
 * Null: the stack has no inference function.
 *
 * @throws {CommandError} when Lambda does not answer. A missing permission becomes a line in `unread`.
 */
export async function readInferFunction(client: LambdaClient, outputs: StackOutputs): Promise<InferFunction | null> {
  const { inferFunction: name } = outputs;
  if (name === undefined) return null;
  const unread: string[] = [];
  const read = async <T>(what: string, work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      const explained = commandError(`read ${what} of the function ${name}`, error);
      if (explained.code !== 'access_denied') throw explained;
      unread.push(explained.message);
      return undefined;
    }
  };
  const about = { FunctionName: name };
  const [configuration, concurrency, mapping] = await Promise.all([
    read('the configuration', orMissing(client.send(new GetFunctionConfigurationCommand(about)))),
    read('the reserved concurrency', orMissing(client.send(new GetFunctionConcurrencyCommand(about)))),
    read('the event source mappings', orMissing(findMapping(client, name, queueNameOf(outputs.tokensQueueUrl)))),
  ]);
  return {
    name,
    exists: configuration !== null,
    ...described(configuration ?? undefined),
    reserved: concurrency?.ReservedConcurrentExecutions ?? null,
    mapping,
    unread,
  };
}

/** Null: there is no such function. */
async function orMissing<T>(work: Promise<T>): Promise<T | null> {
  return work.catch((error: unknown) => {
    if (awsErrorName(error) === 'ResourceNotFoundException') return null;
    throw error;
  });
}

function described(found: GetFunctionConfigurationCommandOutput | undefined) {
  const failed = found?.LastUpdateStatus === 'Failed';
  return {
    state: found?.State ?? null,
    stateReason: found?.StateReason ?? found?.StateReasonCode ?? null,
    updateFailed: failed ? (found?.LastUpdateStatusReason ?? found?.LastUpdateStatusReasonCode ?? 'no reason') : null,
    memoryMb: found?.MemorySize ?? null,
    timeoutSeconds: found?.Timeout ?? null,
    logGroup: found?.LoggingConfig?.LogGroup ?? null,
    modelId: found === undefined ? null : modelIdOf(found),
  };
}

/** The variables are hidden from credentials that may not decrypt them. */
function modelIdOf({ Environment: environment }: GetFunctionConfigurationCommandOutput): string | null {
  if (environment?.Error !== undefined) return null;
  const { MODEL_ID: id = '' } = environment?.Variables ?? {};
  return id;
}

async function findMapping(client: LambdaClient, name: string, queue: string): Promise<TokensMapping | null> {
  for await (const page of paginateListEventSourceMappings({ client }, { FunctionName: name })) {
    const found = page.EventSourceMappings?.find(({ EventSourceArn: arn = '' }) => arn.endsWith(`:${queue}`));
    if (found !== undefined) return mappingOf(found);
  }
  return null;
}

function mappingOf(found: EventSourceMappingConfiguration): TokensMapping {
  const { LastProcessingResult: result = '' } = found;
  return {
    uuid: found.UUID ?? '',
    state: found.State ?? '',
    stateReason: found.StateTransitionReason ?? null,
    maxConcurrency: found.ScalingConfig?.MaximumConcurrency ?? null,
    problem: result.startsWith('PROBLEM') ? result : null,
  };
}
