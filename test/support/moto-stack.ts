import { CloudFormationClient, CreateStackCommand, waitUntilStackCreateComplete } from '@aws-sdk/client-cloudformation';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { stackOutputs } from '../../lib/contracts/stack-outputs.ts';
import { type Moto, motoAccount, motoRegion } from './moto.ts';

export interface MotoStack {
  name: string;
  /** By their names in lib/contracts/stack-outputs.ts. */
  outputs: Record<keyof typeof stackOutputs, string>;
}

/** Buckets, queues and topic of ours, and nothing that works on them. */
const resources = {
  Pictures: { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'pictures' } },
  Outcomes: { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'outcomes' } },
  ...Object.fromEntries(
    [
      'uploads',
      'backfill',
      'tokens',
      'result-events',
      'uploads-dead-letters',
      'tokens-dead-letters',
      'result-events-dead-letters',
    ].map((QueueName) => [QueueName.replaceAll('-', ''), { Type: 'AWS::SQS::Queue', Properties: { QueueName } }]),
  ),
  Results: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'results' } },
  Alarms: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'alarms' } },
};

/** A CloudFormation stack in the emulator that the commands find by name, with real buckets, queues and topics. */
export async function createMotoStack(
  moto: Moto,
  { name = 'ImageGpt', model = 'tiny-0123456789ab' } = {},
): Promise<MotoStack> {
  // What `Ref` gives names AWS's own host.
  const queue = (queueName: string): string => `${moto.endpoint}/${motoAccount}/${queueName}`;
  const values: Record<keyof typeof stackOutputs, unknown> = {
    inputBucket: 'pictures',
    outputBucket: 'outcomes',
    resultsTopicArn: { Ref: 'Results' },
    alarmTopicArn: { Ref: 'Alarms' },
    uploadsQueueUrl: queue('uploads'),
    backfillQueueUrl: queue('backfill'),
    tokensQueueUrl: queue('tokens'),
    resultEventsQueueUrl: queue('result-events'),
    uploadsDeadLettersUrl: queue('uploads-dead-letters'),
    tokensDeadLettersUrl: queue('tokens-dead-letters'),
    resultEventsDeadLettersUrl: queue('result-events-dead-letters'),
    modelId: model,
    ...{
      cluster: 'igpt',
      service: 'worker',
      onDemandService: 'worker-on-demand',
      modelLocation: `s3://outcomes/models/${model}`,
    },
    ...{ metricNamespace: `ImageGpt/${name}`, dashboard: `${name}-dashboard` },
    costBrakeReleaseArn: `arn:aws:states:${motoRegion}:${motoAccount}:stateMachine:Release`,
    costBrakeHoldArn: `arn:aws:states:${motoRegion}:${motoAccount}:stateMachine:Hold`,
  };
  const outputs = Object.entries(stackOutputs).map(([key, output]) => [
    output,
    { Value: values[key as keyof typeof stackOutputs] },
  ]);
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const at = { endpoint: moto.endpoint, region: motoRegion, credentials };
  const [client, sns] = [new CloudFormationClient(at), new SNSClient(at)];
  try {
    const template = { Resources: resources, Outputs: Object.fromEntries(outputs) };
    await client.send(new CreateStackCommand({ StackName: name, TemplateBody: JSON.stringify(template) }));
    const { reason } = await waitUntilStackCreateComplete(
      { client, maxWaitTime: 30, minDelay: 1 },
      { StackName: name },
    );
    const given = new Map<string, string>(
      reason.Stacks[0].Outputs.map((output: { OutputKey: string; OutputValue: string }) => [
        output.OutputKey,
        output.OutputValue,
      ]),
    );
    // Which moto's CloudFormation leaves out.
    await sns.send(
      new SubscribeCommand({
        TopicArn: given.get(stackOutputs.resultsTopicArn),
        Protocol: 'sqs',
        Endpoint: `arn:aws:sqs:${motoRegion}:${motoAccount}:result-events`,
        Attributes: { RawMessageDelivery: 'true' },
      }),
    );
    const found = Object.entries(stackOutputs).map(([key, output]) => [key, given.get(output) ?? '']);
    return { name, outputs: Object.fromEntries(found) };
  } finally {
    client.destroy();
    sns.destroy();
  }
}
