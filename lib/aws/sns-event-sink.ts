import { type MessageAttributeValue, PublishBatchCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { PipelineEvent } from '../contracts/event.ts';
import { utf8Length } from '../contracts/key-order.ts';
import { messageText } from '../contracts/message-text.ts';
import { TransientError } from '../ports/error.ts';
import type { EventSink } from '../ports/queue.ts';
import { awsError } from './aws-error.ts';
import { chunks } from './chunks.ts';

/** Most messages in one PublishBatch. Source: Amazon SNS API Reference, "PublishBatch". */
const maxItems = 10;

/** Largest PublishBatch (bytes): 256 KiB, minus the attributes of ten messages. Source: the same. */
const maxBytes = 262_144 - maxItems * 1024;

/** Text that an attribute may hold: characters of XML 1.0. Source: the same, "MessageAttributeValue". */
const attributeText = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]{1,256}$/u;

/**
 * Publishes events as JSON on an SNS topic. Subscribers filter by attributes: `status`, `model` and, if the picture has
 * one, `label`; events of jobs have `type` and `model`.
 */
export function createSnsEventSink({
  client,
  topicArn,
}: {
  client: SNSClient;
  topicArn: string;
}): EventSink<PipelineEvent> {
  return {
    async publish(events) {
      const messages = events.map((event) => ({ text: messageText(event), attributes: attributesOf(event) }));
      for (const chunk of chunks(messages, ({ text }) => utf8Length(text), { maxItems, maxBytes })) {
        const entries = chunk.map(({ text, attributes }, i) => ({
          Id: String(i),
          Message: text,
          MessageAttributes: attributes,
        }));
        const answer = await client
          .send(new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries: entries }))
          .catch((error: unknown) => {
            throw awsError(`publish ${chunk.length} events`, error);
          });
        const failed = answer.Failed ?? [];
        if (failed.length === 0) continue;
        const which = failed.map(({ Id, Code }) => `${Id}: ${Code}`).join(', ');
        throw new TransientError(
          'events_refused',
          `Expected SNS to accept ${chunk.length} events, but it refused ${failed.length} (${which}).`,
        );
      }
    },
  };
}

function attributesOf(event: PipelineEvent): Record<string, MessageAttributeValue> {
  if (event.type === 'batch') return { type: stringAttribute(event.type), model: stringAttribute(event.model) };
  if (event.type !== 'result') return {};
  const { status, model } = event;
  const label = event.status === 'succeeded' ? event.label : null;
  return {
    status: stringAttribute(status),
    model: stringAttribute(model),
    ...(label !== null && attributeText.test(label) && { label: stringAttribute(label) }),
  };
}

function stringAttribute(value: string): MessageAttributeValue {
  return { DataType: 'String', StringValue: value };
}
