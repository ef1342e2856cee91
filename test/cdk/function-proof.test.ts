import { App, Stack, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { acknowledgeManagedFunction } from '../../cdk/constructs/acknowledge.ts';
import { FunctionProof } from '../../cdk/constructs/function-proof.ts';
import type { Properties } from './synthesize.ts';

/** A stack with a stand-in for the inference function, whose model is `model`. */
function stackWith(model: string) {
  const app = new App();
  const stack = new Stack(app, 'Stack');
  const bucket = new Bucket(stack, 'Models');
  const handler = new LambdaFunction(stack, 'Infer', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = () => ({ proved: true });'),
    environment: { MODEL_ID: model },
  });
  new FunctionProof(stack, 'Proof', { handler, after: [bucket] });
  return { app, stack };
}

/** The calls of a deployment, by logical id. */
function calls(model: string) {
  const found: Record<string, Properties> = Template.fromStack(stackWith(model).stack).findResources('Custom::Trigger');
  return found;
}

describe('the proof of a function', () => {
  const [[id = '', call] = []] = Object.entries(calls('a'));

  test('calls its new version and waits for the answer', () => {
    const { HandlerArn, InvocationType } = call.Properties;

    expect(InvocationType).toBe('RequestResponse');
    expect(HandlerArn).toEqual({ Ref: expect.stringMatching(/^InferCurrentVersion/) });
  });

  test('has failed within the 15 minutes of its caller when all three attempts hang', () => {
    expect((3 * Number(call.Properties.Timeout)) / 60_000).toBeLessThan(14.5);
  });

  test('comes after what the function needs', () => {
    expect(call.DependsOn).toContainEqual(expect.stringMatching(/^Models/));
  });

  test('is not repeated when nothing changes', () => {
    expect(Object.keys(calls('a'))).toEqual([id]);
  });

  test('is another resource for each version, so a rollback deletes the new one and calls nothing', () => {
    const [other] = Object.keys(calls('b'));

    expect(id).toMatch(/^ProofTrigger[0-9A-Z]{8}[0-9a-f]{32}$/);
    expect(other).toMatch(/^ProofTrigger[0-9A-Z]{8}[0-9a-f]{32}$/);
    expect(other).not.toBe(id);
  });

  test('has no finding of cdk-nag', () => {
    const { app, stack } = stackWith('a');
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    acknowledgeManagedFunction(stack.node.findChild('Infer'));
    Validations.of(stack.node.findChild('Models')).acknowledge(
      { id: 'AwsSolutions-S1', reason: 'A stand-in.' },
      { id: 'AwsSolutions-S10', reason: 'A stand-in.' },
    );

    expect(() => app.synth()).not.toThrow();
  });
});
