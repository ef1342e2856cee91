import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  type ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { CreateTopicCommand, type SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { motoAccount, motoRegion } from './moto.ts';
import { resourceName } from './resource-name.ts';

// biome-ignore lint/suspicious/noExplicitAny: a template is JSON of any shape.
type Json = any;

export interface Clients {
  s3: S3Client;
  sqs: SQSClient;
  sns: SNSClient;
  ecs: ECSClient;
}

/** A synthesised stack whose resources exist in the emulator. */
export interface TemplateStack {
  /** A value of the template with its references resolved. */
  resolve(value: unknown): string;
  /** Properties of the only resource of this type and name. */
  properties(type: string, name?: string): Json;
  /** Value of an output. */
  output(name: string): string;
  desiredCount(): Promise<number | undefined>;
}

/**
 * Makes the resources of a synthesised template that carry data: buckets, queues with their redrive policies, the topic
 * with its subscription, the bucket's notifications, the model's files, cluster and service. References decide the
 * order. Names and references come from the template alone.
 */
export async function createTemplateStack(directory: string, stack: string, clients: Clients): Promise<TemplateStack> {
  const { s3, sqs, sns, ecs } = clients;
  const template: Json = JSON.parse(readFileSync(join(directory, `${stack}.template.json`), 'utf8'));
  const resources: [string, Json][] = Object.entries(template.Resources);
  const made = new Map<string, Record<string, string>>();

  function attribute(id: string, name: string): string {
    const found = made.get(id)?.[name];
    if (found === undefined)
      throw new RangeError(`Expected ${id}.${name} to exist before another resource refers to it.`);
    return found;
  }

  function resolve(value: Json): string {
    if (typeof value !== 'object') return String(value);
    if ('Fn::GetAtt' in value) return attribute(value['Fn::GetAtt'][0], value['Fn::GetAtt'][1]);
    if ('Fn::Join' in value) return value['Fn::Join'][1].map(resolve).join(value['Fn::Join'][0]);
    const pseudo: Record<string, string> = {
      'AWS::Partition': 'aws',
      'AWS::Region': motoRegion,
      'AWS::AccountId': motoAccount,
    };
    return pseudo[value.Ref] ?? attribute(value.Ref, 'Ref');
  }

  const makers: Record<string, (id: string, properties: Json) => Promise<Record<string, string>>> = {
    async 'AWS::IAM::Role'(id) {
      return { Ref: id };
    },
    async 'AWS::S3::Bucket'(id) {
      const Bucket = id.toLowerCase();
      await s3.send(new CreateBucketCommand({ Bucket }));
      return { Ref: Bucket, Arn: `arn:aws:s3:::${Bucket}` };
    },
    async 'AWS::SQS::Queue'(id, { RedrivePolicy, VisibilityTimeout, MessageRetentionPeriod, MaximumMessageSize }) {
      const redrive = RedrivePolicy && {
        ...RedrivePolicy,
        deadLetterTargetArn: resolve(RedrivePolicy.deadLetterTargetArn),
      };
      const given = { VisibilityTimeout, MessageRetentionPeriod, MaximumMessageSize };
      const texts = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, `${value}`]]));
      const Attributes = { ...Object.fromEntries(texts), ...(redrive && { RedrivePolicy: JSON.stringify(redrive) }) };
      const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: id, Attributes }));
      return { Ref: QueueUrl, Arn: `arn:aws:sqs:${motoRegion}:${motoAccount}:${id}` };
    },
    async 'AWS::SNS::Topic'(id) {
      const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: id }));
      return { Ref: TopicArn };
    },
    async 'AWS::SNS::Subscription'(_, { TopicArn, Protocol, Endpoint, RawMessageDelivery }) {
      const Attributes = { RawMessageDelivery: String(RawMessageDelivery) };
      const about = { TopicArn: resolve(TopicArn), Protocol, Endpoint: resolve(Endpoint), Attributes };
      await sns.send(new SubscribeCommand(about));
      return {};
    },
    async 'Custom::S3BucketNotifications'(_, { BucketName, NotificationConfiguration }) {
      const QueueConfigurations = NotificationConfiguration.QueueConfigurations.map(({ Events, QueueArn }: Json) => ({
        Events,
        QueueArn: resolve(QueueArn),
      }));
      const Bucket = resolve(BucketName);
      const NotificationConfigurations = { QueueConfigurations };
      const command = { Bucket, NotificationConfiguration: NotificationConfigurations };
      await s3.send(new PutBucketNotificationConfigurationCommand(command));
      return {};
    },
    async 'Custom::CDKBucketDeployment'(_, { SourceObjectKeys, DestinationBucketName, DestinationBucketKeyPrefix }) {
      const folder = join(directory, `asset.${String(SourceObjectKeys[0]).replace('.zip', '')}`);
      for (const file of readdirSync(folder)) {
        const Key = `${DestinationBucketKeyPrefix}/${file}`;
        const Body = readFileSync(join(folder, file));
        await s3.send(new PutObjectCommand({ Bucket: resolve(DestinationBucketName), Key, Body }));
      }
      return {};
    },
    async 'AWS::Logs::LogGroup'(id) {
      return { Ref: id, Arn: `arn:aws:logs:${motoRegion}:${motoAccount}:log-group:${id}` };
    },
    async 'AWS::ECS::Cluster'(id) {
      await ecs.send(new CreateClusterCommand({ clusterName: id }));
      return { Ref: id };
    },
    // What it answers when a stack is created; test/unit/functions/rollout tests the rest.
    async 'Custom::WorkerRollout'(_, { Services }) {
      return { Proof: 'proved', ...Object.fromEntries(Services.map((service: string) => [service, '0'])) };
    },
    async 'AWS::ECS::Service'(id, { Cluster, DesiredCount }) {
      const containerDefinitions = [{ name: 'worker', image: 'worker', memory: 1 }];
      await ecs.send(new RegisterTaskDefinitionCommand({ family: id, containerDefinitions }));
      const about = {
        cluster: resolve(Cluster),
        serviceName: id,
        taskDefinition: id,
        desiredCount: Number(resolve(DesiredCount)),
      };
      const { service } = await ecs.send(new CreateServiceCommand(about));
      return { Ref: service?.serviceArn ?? '', Name: id };
    },
  };
  for (const type of Object.keys(makers)) {
    // Dead-letter queues before the queues that refer to them.
    const ofType = resources.filter(([, resource]) => resource.Type === type);
    ofType.sort(
      ([, a], [, b]) =>
        Number('RedrivePolicy' in (a.Properties ?? {})) - Number('RedrivePolicy' in (b.Properties ?? {})),
    );
    for (const [id, { Properties: properties }] of ofType) made.set(id, (await makers[type]?.(id, properties)) ?? {});
  }

  return {
    resolve,
    properties(type, name) {
      const found = resources.filter(
        ([id, resource]) => resource.Type === type && (name === undefined || resourceName(id) === name),
      );
      const [[, only] = []] = found;
      if (only === undefined || found.length > 1)
        throw new RangeError(`Expected one ${type} ${name ?? ''}, found ${found.length}.`);
      return only.Properties;
    },
    output: (name) => resolve(template.Outputs[name].Value),
    async desiredCount() {
      const about = {
        cluster: resolve(template.Outputs.Cluster.Value),
        services: [resolve(template.Outputs.Service.Value)],
      };
      const { services } = await ecs.send(new DescribeServicesCommand(about));
      return services?.[0]?.desiredCount;
    },
  };
}
