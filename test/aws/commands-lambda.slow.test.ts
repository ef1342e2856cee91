import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import {
  LambdaClient,
  ListEventSourceMappingsCommand,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DeployedStack, readDeployedStack } from '../../lib/operate/deployed-stack.ts';
import { type Finished, igpt } from '../cli/igpt-process.ts';
import { clientConfig, deployIntoMoto } from '../support/deployed-in-moto.ts';
import { type Moto, motoAccount, motoMissing, motoRegion, startMoto } from '../support/moto.ts';

// The commands with the resources of a stack with compute=lambda in the emulator. Its function does nothing.

const missing = await motoMissing();

describe.skipIf(missing !== undefined)(
  `commands on a stack whose compute is a function${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    let moto: Moto;
    let stack: DeployedStack;
    let lambda: LambdaClient;

    const run = (...args: string[]): Promise<Finished> => igpt([...args, '--stack', 'Mine'], { env: moto.environment });
    const status = async () => JSON.parse((await run('status', '--json')).stdout);

    beforeAll(async () => {
      moto = await startMoto();
      await deployIntoMoto(moto, 'Mine', { compute: 'lambda' });
      lambda = new LambdaClient(clientConfig(moto));
      stack = await readDeployedStack(new CloudFormationClient(clientConfig(moto)), 'Mine');
    });

    afterAll(() => moto[Symbol.asyncDispose]());

    /** The function and its mapping, as the template names them. */
    async function makeFunction(): Promise<void> {
      const { inferFunction: name = '', modelId, tokensQueueUrl } = stack.outputs;
      const queue = tokensQueueUrl.slice(tokensQueueUrl.lastIndexOf('/') + 1);
      const assumedBy = { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };
      const Resources = {
        Role: {
          Type: 'AWS::IAM::Role',
          Properties: { AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [assumedBy] } },
        },
        Function: {
          Type: 'AWS::Lambda::Function',
          Properties: {
            FunctionName: name,
            Runtime: 'nodejs22.x',
            Handler: 'index.handler',
            MemorySize: 3008,
            Timeout: 900,
            Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
            Code: { ZipFile: 'exports.handler = () => {}' },
            Environment: { Variables: { MODEL_ID: modelId } },
          },
        },
        Messages: {
          Type: 'AWS::Lambda::EventSourceMapping',
          Properties: {
            FunctionName: { Ref: 'Function' },
            EventSourceArn: `arn:aws:sqs:${motoRegion}:${motoAccount}:${queue}`,
          },
        },
      };
      await new CloudFormationClient(clientConfig(moto)).send(
        new CreateStackCommand({ StackName: 'Hand', TemplateBody: JSON.stringify({ Resources }) }),
      );
    }

    test('status, smoke and redrive say that the function is missing', async () => {
      const [report, smoke] = await Promise.all([run('status'), run('smoke')]);

      expect(report.stderr).toBe('');
      expect(report.stdout).toMatch(
        /^infer: Lambda has no function \S+: somebody has deleted it; run npx cdk deploy$/m,
      );
      expect({ code: smoke.code, stderr: smoke.stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/^igpt: the inference function cannot work: Lambda has no function /),
      });
    });

    test('status shows the function, and its calls of the last five minutes', async () => {
      await makeFunction();
      const { inferFunction: FunctionName = '' } = stack.outputs;
      await new CloudWatchClient(clientConfig(moto)).send(
        new PutMetricDataCommand({
          Namespace: 'AWS/Lambda',
          MetricData: (['Invocations', 'Errors', 'Throttles'] as const).map((MetricName, i) => ({
            MetricName,
            Dimensions: [{ Name: 'FunctionName', Value: FunctionName }],
            Timestamp: new Date(Date.now() - 150_000),
            Value: 12 - 4 * i,
          })),
        }),
      );

      expect(await status()).toMatchObject({
        tasks: [],
        function: {
          name: FunctionName,
          exists: true,
          model: stack.outputs.modelId,
          memory_mb: 3008,
          timeout_seconds: 900,
          reserved_concurrency: null,
          tokens_mapping: 'Enabled',
          calls: 12,
          failed_calls: 8,
          throttled_calls: 4,
          troubles: [
            { words: expect.stringMatching(/^8 of 12 calls in five minutes failed/), lasting: false },
            { words: expect.stringMatching(/^4 calls in five minutes were throttled/), lasting: false },
          ],
        },
      });
    });

    test('doctor asks neither ECS, EC2 nor Docker, and calls the function', async () => {
      const { stdout } = await run('doctor', '--json');
      const { checks } = JSON.parse(stdout);
      const named = (name: string) => checks.filter((check: { name: string }) => check.name === name);

      expect(named('docker')).toMatchObject([{ level: 'ok', found: 'not needed: functions have no image' }]);
      expect(named('instance types')).toEqual([]);
      expect(checks.filter(({ name }: { name: string }) => /vCPU|Spot|On-Demand/.test(name))).toEqual([]);
      expect(named('quota Concurrent executions')).toHaveLength(1);
      // The emulator cannot run it.
      expect(named('inference')).toHaveLength(1);
    });

    /** Puts tokens into their dead-letter queue and moves them back. */
    async function redriveTokens(): Promise<Finished> {
      const image = { format: 'png', width: 1, height: 1, bytes: 1 };
      const pictures = [{ key: 'a.png', etag: 'e', image, tokens: 'AAAA' }];
      const MessageBody = JSON.stringify({ schema_version: 1, preprocessing: '0123456789abcdef', pictures });
      const sqs = new SQSClient({ ...clientConfig(moto), useQueueUrlAsEndpoint: false });
      await sqs.send(new SendMessageCommand({ QueueUrl: stack.outputs.tokensDeadLettersUrl, MessageBody }));
      return run('redrive', '--queue', 'tokens');
    }

    test('redrive starts no worker', async () => {
      const { stdout, stderr } = await redriveTokens();

      expect(stdout).toContain('1 message moved back');
      expect(stderr).toBe('');
    });

    test('every command says that the mapping is disabled, or no concurrency is left', async () => {
      const { inferFunction: FunctionName = '' } = stack.outputs;
      const { EventSourceMappings: [mapping] = [] } = await lambda.send(
        new ListEventSourceMappingsCommand({ FunctionName }),
      );
      await lambda.send(new UpdateEventSourceMappingCommand({ UUID: mapping?.UUID, Enabled: false }));
      await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
      const [{ function: found }, smoke] = await Promise.all([status(), run('smoke')]);

      expect(found).toMatchObject({ tokens_mapping: 'Disabled', reserved_concurrency: 0 });
      expect(found.troubles.slice(0, 2)).toMatchObject([
        { words: expect.stringContaining('is Disabled'), lasting: true },
        { words: expect.stringContaining('reserved concurrency is 0'), lasting: true },
      ]);
      expect(smoke.stderr).toMatch(/^igpt: the inference function cannot work: its event source mapping is Disabled/);
      expect((await redriveTokens()).stderr).toMatch(
        /^igpt: the tokens are back in their queue, but the function cannot take them: its event source mapping is Disabled/,
      );
    });
  },
);
