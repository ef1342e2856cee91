import { LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readInferFunction } from '../../../lib/operate/infer-function.ts';
import { type ScriptedAws, startScriptedAws } from '../../support/scripted-aws.ts';
import { type LambdaAnswers, lambdaError, scriptedFunction } from '../../support/scripted-lambda.ts';
import { deployedStack, inferFunction } from '../../support/stack-state.ts';

let aws: ScriptedAws;
let client: LambdaClient;

beforeEach(async () => {
  aws = await startScriptedAws();
  client = new LambdaClient(aws.config);
});

afterEach(async () => {
  client.destroy();
  await aws[Symbol.asyncDispose]();
});

const outputs = { ...deployedStack.outputs, inferFunction: 'Mine-LambdaInfer' };
const tokens = 'arn:aws:sqs:eu-central-1:123456789012:tokens';

const sound = {
  configuration: {
    State: 'Active',
    LastUpdateStatus: 'Successful',
    MemorySize: 3008,
    Timeout: 60,
    LoggingConfig: { LogGroup: '/mine/infer' },
    Environment: { Variables: { MODEL_ID: outputs.modelId } },
  },
  mappings: {
    EventSourceMappings: [
      { UUID: 'other', EventSourceArn: `${tokens}-of-another`, State: 'Disabled' },
      { UUID: 'f0e1', EventSourceArn: tokens, State: 'Enabled', ScalingConfig: { MaximumConcurrency: 2 } },
    ],
  },
} satisfies LambdaAnswers;

async function read(answers: LambdaAnswers) {
  aws.answer(...scriptedFunction(answers));
  return readInferFunction(client, outputs);
}

describe('the inference function', () => {
  it('is not asked for in a stack without one', async () => {
    expect(await readInferFunction(client, deployedStack.outputs)).toBeNull();
    expect(aws.requests).toEqual([]);
  });

  it('has its configuration, and the mapping of the tokens queue', async () => {
    expect(await read(sound)).toEqual(inferFunction());
  });

  it('has its reserved concurrency, also if it is 0', async () => {
    expect(await read({ ...sound, concurrency: { ReservedConcurrentExecutions: 0 } })).toEqual(
      inferFunction({ reserved: 0 }),
    );
  });

  it('has Lambda’s reasons for its state and for a failed update', async () => {
    const configuration = {
      ...sound.configuration,
      State: 'Failed',
      StateReasonCode: 'FunctionError.InitTimeout',
      LastUpdateStatus: 'Failed',
      LastUpdateStatusReason: 'The zip file is empty',
    };

    expect(await read({ ...sound, configuration })).toEqual(
      inferFunction({
        state: 'Failed',
        stateReason: 'FunctionError.InitTimeout',
        updateFailed: 'The zip file is empty',
      }),
    );
  });

  it('has the problem that Lambda reports about the last delivery', async () => {
    const mapping = {
      UUID: 'f0e1',
      EventSourceArn: tokens,
      State: 'Disabled',
      StateTransitionReason: 'USER_INITIATED',
      LastProcessingResult: 'PROBLEM: Function call failed',
    };
    const found = await read({ ...sound, mappings: { EventSourceMappings: [mapping] } });

    expect(found?.mapping).toEqual({
      uuid: 'f0e1',
      state: 'Disabled',
      stateReason: 'USER_INITIATED',
      maxConcurrency: null,
      problem: 'PROBLEM: Function call failed',
    });
  });

  it('may be missing, or lack its mapping', async () => {
    expect(await read({})).toMatchObject({ exists: false, state: null, mapping: null, unread: [] });
    expect(await read({ ...sound, mappings: { EventSourceMappings: [] } })).toEqual(inferFunction({ mapping: null }));
  });

  it('has no model without the variable, and an unknown one if it may not be decrypted', async () => {
    const { Environment: _, ...configuration } = sound.configuration;
    const hidden = { ...configuration, Environment: { Error: { ErrorCode: 'AccessDeniedException' } } };

    expect((await read({ ...sound, configuration }))?.modelId).toBe('');
    expect((await read({ ...sound, configuration: hidden }))?.modelId).toBeNull();
  });

  it('names what the credentials may not read, and tells the rest', async () => {
    const denied = lambdaError(403, 'AccessDeniedException', 'not allowed');
    const found = await read({ ...sound, concurrency: denied, mappings: denied });

    expect(found).toMatchObject({ exists: true, state: 'Active', reserved: null, mapping: undefined });
    expect(found?.unread).toEqual([
      expect.stringContaining('could not read the reserved concurrency of the function Mine-LambdaInfer'),
      expect.stringContaining('could not read the event source mappings of the function'),
    ]);
  });

  it('is not taken for missing if Lambda does not answer', async () => {
    await expect(read({ ...sound, configuration: lambdaError(500, 'ServiceException') })).rejects.toMatchObject({
      code: 'aws_refused',
    });
  });
});
