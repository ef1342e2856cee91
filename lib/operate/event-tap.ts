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
import { commandError } from './command-error.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { queueNameOf } from './stack-queues.ts';

export interface EventTapOptions {
  sqs: SQSClient;
  sns: SNSClient;
  stack: DeployedStack;
  clock: Clock;
}

/** Filter policy of a subscription, and its scope. Source: Amazon SNS Developer Guide, "Message filtering". */
export interface EventFilter {
  scope: 'MessageAttributes' | 'MessageBody';
  policy: Record<string, readonly string[]>;
}

/** A temporary queue that receives a copy of the result events while this process lives. */
export interface EventTap {
  url: string;
  /** Marks the queue as in use. Call it about every minute. */
  beat(): Promise<void>;
  /** Deletes subscription and queue. */
  close(): Promise<void>;
}

/** A tap whose process was killed before it could delete the tap. */
export interface LeftTap {
  name: string;
  url: string;
  /** Time of the last beat; null if there was none. */
  lastBeat: Date | null;
}

/** Tag of the queue with the time of the last beat. */
const beatTag = 'igpt-last-beat';

/** A tap without a beat for this time is abandoned (milliseconds). Beats come every minute, but a laptop may sleep. */
const abandonedAfterMs = 15 * 60_000;

/** How long the queue keeps unread events (seconds). */
const retentionSeconds = 3600;

const prefixOf = (stack: DeployedStack): string => `${stack.name}-igpt-tap-`.slice(-70);

/** @throws {CommandError} when queue or subscription cannot be created; then neither is left behind */
export async function openEventTap(options: EventTapOptions & { filter?: EventFilter | undefined }): Promise<EventTap> {
  const { sqs, sns, stack, clock, filter } = options;
  const { outputs, region, account } = stack;
  const topicArn = outputs.resultsTopicArn;
  // aws, aws-cn or aws-us-gov.
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
    const created = await sqs.send(
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
    url = created.QueueUrl ?? '';
    const { SubscriptionArn: subscription } = await sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: 'sqs',
        Endpoint: arn,
        ReturnSubscriptionArn: true,
        Attributes: {
          RawMessageDelivery: 'true',
          ...(filter !== undefined && { FilterPolicy: JSON.stringify(filter.policy), FilterPolicyScope: filter.scope }),
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
        const deletions = await Promise.allSettled([
          sns.send(new UnsubscribeCommand({ SubscriptionArn: subscription })),
          sqs.send(new DeleteQueueCommand({ QueueUrl: url })),
        ]);
        const failed = deletions.find((result) => result.status === 'rejected');
        if (failed === undefined) return;
        throw commandError(`remove the queue ${name}, which igpt doctor --clean removes later`, failed.reason);
      },
    };
  }
}

/**
 * Finds the abandoned taps of a stack.
 *
 * @throws {CommandError} when queues or tags cannot be read
 */
export async function findLeftTaps({ sqs, stack, clock }: Omit<EventTapOptions, 'sns'>): Promise<LeftTap[]> {
  const left: LeftTap[] = [];
  try {
    const pages = paginateListQueues({ client: sqs, pageSize: 1000 }, { QueueNamePrefix: prefixOf(stack) });
    for await (const { QueueUrls: urls = [] } of pages) {
      for (const url of urls) {
        const tags = await tagsOf(sqs, url);
        if (tags === undefined) continue;
        const at = new Date(tags[beatTag] ?? Number.NaN).getTime();
        if (clock.now().getTime() - at <= abandonedAfterMs) continue;
        left.push({ name: queueNameOf(url), url, lastBeat: Number.isNaN(at) ? null : new Date(at) });
      }
    }
  } catch (error) {
    throw commandError('find the queues that were left behind', error);
  }
  return left;
}

/** Undefined: the queue was deleted meanwhile. */
async function tagsOf(sqs: SQSClient, url: string): Promise<Record<string, string> | undefined> {
  try {
    const { Tags: tags = {} } = await sqs.send(new ListQueueTagsCommand({ QueueUrl: url }));
    return tags;
  } catch (error) {
    if (/QueueDoesNotExist|NonExistentQueue/.test(awsErrorName(error))) return undefined;
    throw error;
  }
}

/**
 * Deletes taps and their subscriptions.
 *
 * @throws {CommandError} when one cannot be deleted
 */
export async function removeTaps(
  taps: readonly LeftTap[],
  { sqs, sns, stack }: Omit<EventTapOptions, 'clock'>,
): Promise<void> {
  const names = new Set(taps.map(({ name }) => name));
  try {
    const topic = { TopicArn: stack.outputs.resultsTopicArn };
    const pages = paginateListSubscriptionsByTopic({ client: sns }, topic);
    for await (const { Subscriptions: subscriptions = [] } of pages) {
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

/** Filter policy for a choice of result events: all conditions must hold. Undefined: every event. */
export function eventFilter({ status, label = [], model }: EventChoice): EventFilter | undefined {
  const policy = {
    ...(status !== undefined && { status: [status] }),
    ...(label.length > 0 && { label: [...label] }),
    ...(model !== undefined && { model: [model] }),
  };
  return Object.keys(policy).length === 0 ? undefined : { scope: 'MessageAttributes', policy };
}

/**
 * Applies the choice to received events, because a new filter policy takes up to 15 minutes to become effective. Source:
 * Amazon SNS Developer Guide, "Applying a subscription filter policy".
 */
export function isChosen(event: ResultEvent, { status, label = [], model }: EventChoice): boolean {
  const labelled = event.status === 'succeeded' && event.label !== null && label.includes(event.label);
  return (
    (status === undefined || event.status === status) &&
    (model === undefined || event.model === model) &&
    (label.length === 0 || labelled)
  );
}
