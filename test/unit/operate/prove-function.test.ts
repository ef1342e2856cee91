import { LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { proveFunction } from '../../../lib/operate/prove-function.ts';
import { type Answer, type ScriptedAws, startScriptedAws } from '../../support/scripted-aws.ts';
import { lambdaError } from '../../support/scripted-lambda.ts';

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

const modelId = 'igpt-nano-753214900b85';

async function prove(answer: Answer) {
  aws.answer(answer);
  return proveFunction(client, { name: 'Mine-LambdaInfer', modelId });
}

function returned(body: unknown): Answer {
  return { status: 200, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

function failed(body: object, log = ''): Answer {
  const headers = { 'x-amz-function-error': 'Unhandled', 'x-amz-log-result': Buffer.from(log).toString('base64') };
  return { status: 200, headers, body: JSON.stringify(body) };
}

describe('a call of the inference function', () => {
  it('asks for a proof', async () => {
    expect(await prove(returned({ proved: true, model: modelId }))).toEqual({
      name: 'inference',
      level: 'ok',
      found: `Mine-LambdaInfer has opened ${modelId} and predicted a picture`,
      advice: null,
    });
    expect(aws.requests[0]).toMatchObject({
      url: '/2015-03-31/functions/Mine-LambdaInfer/invocations',
      body: '{"prove":true}',
    });
  });

  it('fails with the function’s own error', async () => {
    const error = { errorType: 'ModelError', errorMessage: 'model_mismatch: expected a, received b', trace: [] };

    expect(await prove(failed(error, 'START RequestId\nEND RequestId\n'))).toMatchObject({
      level: 'fail',
      found: 'a call of Mine-LambdaInfer failed: ModelError: model_mismatch: expected a, received b',
      advice: expect.stringContaining('npx cdk deploy'),
    });
  });

  it('fails with the last line of the log if the process ended', async () => {
    const error = { errorType: 'Runtime.ExitError', errorMessage: 'RequestId: 1 Error: Runtime exited' };
    const log = 'INIT_START Runtime\nlibonnxruntime.so.1: cannot open shared object file\nREPORT RequestId: 1\n';

    expect((await prove(failed(error, log))).found).toBe(
      'a call of Mine-LambdaInfer failed: Runtime.ExitError: RequestId: 1 Error: Runtime exited; its last log line: libonnxruntime.so.1: cannot open shared object file',
    );
  });

  it('fails with a timeout', async () => {
    const error = { errorMessage: '2026-12-01T00:00:00Z 1 Task timed out after 60.00 seconds' };

    expect((await prove(failed(error))).found).toMatch(/Task timed out after 60\.00 seconds$/);
  });

  it('fails if another model answers, or no proof comes', async () => {
    expect(await prove(returned({ proved: true, model: 'other-0123456789ab' }))).toMatchObject({
      level: 'fail',
      found: expect.stringContaining('predicts with other-0123456789ab, but the stack’s model is igpt-nano'),
    });
    for (const answer of [{ batchItemFailures: [] }, 'null', '', 'no JSON']) {
      expect(await prove(returned(answer))).toMatchObject({ level: 'fail', advice: 'npx cdk deploy' });
    }
  });

  it('is a warning if Lambda or the credentials do not allow it', async () => {
    const throttled = lambdaError(429, 'TooManyRequestsException', 'Rate exceeded', {
      Reason: 'ConcurrentInvocationLimitExceeded',
    });

    expect(await prove(throttled)).toMatchObject({ level: 'warn', advice: 'try again later' });
    expect(await prove(lambdaError(400, 'TimeoutError'))).toMatchObject({
      level: 'warn',
      found: 'a call of Mine-LambdaInfer takes too long to wait for',
    });
    expect(await prove(lambdaError(403, 'AccessDeniedException', 'no lambda:InvokeFunction'))).toMatchObject({
      level: 'warn',
      found: expect.stringContaining('these credentials lack the permission (no lambda:InvokeFunction)'),
    });
  });
});
