import { randomBytes } from 'node:crypto';
import {
  paginateListSubscriptionsByTopic,
  type SNSClient,
  SubscribeCommand,
  UnsubscribeCommand,
} from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  ListQueueTagsCommand,
  paginateListQueues,
  type SQSClient,
  TagQueueCommand,
} from '@aws-sdk/client-sqs';
import { awsErrorName } from '../aws/aws-error.ts';
import type { ResultEvent } from '../contracts/event.ts';
import type { Clock } from '../ports/clock.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { commandError } from './operator-error.ts';
import { queueNameOf } from './stack-queues.ts';

export interface EventTapOptions {
  sqs: SQSClient;
  sns: SNSClient;
  stack: DeployedStack;
  clock: Clock;
}

/** A subscription's filter policy, and what it looks at. Source: Amazon SNS Developer Guide, "Message filtering". */
export interface EventFilter {
  scope: 'MessageAttributes' | 'MessageBody';
  policy: Record<string, readonly string[]>;
}

/** A queue of our own that gets a copy of result events, for as long as this process lives. */
export interface EventTap {
  url: string;
  /** Says that somebody still listens; to be called every minute or so. */
  beat(): Promise<void>;
  /** Takes subscription and queue away. */
  close(): Promise<void>;
}

/** A tap whose process is gone: it was killed before it could take it away. */
export interface LeftTap {
  name: string;
  url: string;
  /** When somebody last listened; null when nobody ever did. */
  lastBeat: Date | null;
}

/** The tag that says when somebody last listened. */
const beatTag = 'igpt-last-beat';

/** Beats come every minute; a laptop may sleep over some. */
const leftAfterMs = 15 * 60_000;

/** What nobody has read after so long is not wanted, seconds. */
const retentionSeconds = 3600;

const prefixOf = (stack: DeployedStack): string => `${stack.name}-igpt-tap-`.slice(-70);

/** @throws {CommandError} when queue or subscription cannot be made; what was made of them is gone again */
export async function openEventTap(options: EventTapOptions & { filter?: EventFilter | undefined }): Promise<EventTap> {
  const { sqs, sns, stack, clock, filter } = options;
  const { outputs, region, account } = stack;
  const topicArn = outputs.resultsTopicArn;
  // aws, aws-cn, aws-us-gov.
  const [, partition = 'aws'] = topicArn.split(':');
  const name = `${prefixOf(stack)}${randomBytes(4).toString('hex')}`;
  const arn = `arn:${partition}:sqs:${region}:${account}:${name}`;
  const statement = {
    Effect: 'Allow',
    Principal: { Service: 'sns.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Resource: arn,
    Condition: { ArnEquals: { 'aws:SourceArn': topicArn } },
  };
  let url: string | undefined;
  try {
    const made = await sqs.send(
      new CreateQueueCommand({
        QueueName: name,
        Attributes: {
          MessageRetentionPeriod: String(retentionSeconds),
          SqsManagedSseEnabled: 'true',
          Policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
        },
        tags: { [beatTag]: clock.now().toISOString() },
      }),
    );
    url = made.QueueUrl ?? '';
    const { SubscriptionArn: subscription } = await sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: 'sqs',
        Endpoint: arn,
        ReturnSubscriptionArn: true,
        Attributes: {
          RawMessageDelivery: 'true',
          ...(filter && { FilterPolicy: JSON.stringify(filter.policy), FilterPolicyScope: filter.scope }),
        },
      }),
    );
    return tap(url, subscription);
  } catch (error) {
    if (url !== undefined) await sqs.send(new DeleteQueueCommand({ QueueUrl: url })).catch(() => {});
    throw commandError('listen to the result events', error);
  }

  function tap(url: string, subscription: string | undefined): EventTap {
    return {
      url,
      async beat() {
        await sqs.send(new TagQueueCommand({ QueueUrl: url, Tags: { [beatTag]: clock.now().toISOString() } }));
      },
      async close() {
        const gone = await Promise.allSettled([
          sns.send(new UnsubscribeCommand({ SubscriptionArn: subscription })),
          sqs.send(new DeleteQueueCommand({ QueueUrl: url })),
        ]);
        const failed = gone.find((result) => result.status === 'rejected');
        if (failed !== undefined)
          throw commandError(`remove the queue ${name} (igpt doctor --clean does)`, failed.reason);
      },
    };
  }
}

/** Taps of this stack whose process was killed. @throws {CommandError} when SQS does not tell */
export async function findLeftTaps({ sqs, stack, clock }: Omit<EventTapOptions, 'sns'>): Promise<LeftTap[]> {
  const left: LeftTap[] = [];
  try {
    const pages = paginateListQueues({ client: sqs, pageSize: 1000 }, { QueueNamePrefix: prefixOf(stack) });
    for await (const { QueueUrls: urls = [] } of pages) {
      for (const url of urls) {
        const tags = await tagsOf(sqs, url);
        if (tags === undefined) continue;
        const at = new Date(tags[beatTag] ?? Number.NaN).getTime();
        if (clock.now().getTime() - at <= leftAfterMs) continue;
        left.push({ name: queueNameOf(url), url, lastBeat: Number.isNaN(at) ? null : new Date(at) });
      }
    }
  } catch (error) {
    throw commandError('look for queues that were left behind', error);
  }
  return left;
}

/** Undefined: the queue has just gone. */
async function tagsOf(sqs: SQSClient, url: string): Promise<Record<string, string> | undefined> {
  try {
    const { Tags: tags = {} } = await sqs.send(new ListQueueTagsCommand({ QueueUrl: url }));
    return tags;
  } catch (error) {
    if (/QueueDoesNotExist|NonExistentQueue/.test(awsErrorName(error))) return undefined;
    throw error;
  }
}

/** Removes them with their subscriptions. @throws {CommandError} when one cannot be removed */
export async function removeTaps(taps: readonly LeftTap[], { sqs, sns, stack }: EventTapOptions): Promise<void> {
  const names = new Set(taps.map(({ name }) => name));
  try {
    const about = { TopicArn: stack.outputs.resultsTopicArn };
    for await (const { Subscriptions: subscriptions = [] } of paginateListSubscriptionsByTopic(
      { client: sns },
      about,
    )) {
      for (const { Endpoint: endpoint = '', SubscriptionArn: arn } of subscriptions) {
        if (names.has(endpoint.slice(endpoint.lastIndexOf(':') + 1))) {
          await sns.send(new UnsubscribeCommand({ SubscriptionArn: arn }));
        }
      }
    }
    for (const { url } of taps) await sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
  } catch (error) {
    throw commandError('remove the queues that were left behind', error);
  }
}

export interface EventChoice {
  status?: 'succeeded' | 'failed' | undefined;
  label?: readonly string[] | undefined;
  model?: string | undefined;
}

/** The filter policy for a choice of result events; undefined: all. Conditions of different names must all hold. */
export function eventFilter({ status, label = [], model }: EventChoice): EventFilter | undefined {
  const policy = {
    ...(status === undefined ? {} : { status: [status] }),
    ...(label.length === 0 ? {} : { label: [...label] }),
    ...(model === undefined ? {} : { model: [model] }),
  };
  return Object.keys(policy).length === 0 ? undefined : { scope: 'MessageAttributes', policy };
}

/**
 * True when `event` is among the choice. A new filter policy may take minutes to hold everywhere, so what comes is looked
 * at again. Source: Amazon SNS Developer Guide, "Applying a subscription filter policy".
 */
export function isChosen(event: ResultEvent, { status, label = [], model }: EventChoice): boolean {
  const labelled = event.status === 'succeeded' && event.label !== null && label.includes(event.label);
  return (
    (status === undefined || event.status === status) &&
    (model === undefined || event.model === model) &&
    (label.length === 0 || labelled)
  );
}
