import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type DeadLetterQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { maxReceiveCount, visibilitySeconds } from '../../lib/contracts/delivery.ts';
import { maxMessageBytes } from '../../lib/contracts/limits.ts';

/** Time to fix what stops the work: a weekend and some working days. */
const retention = Duration.days(7);

/** The most that SQS allows: a message keeps the date of its first queue when it is dead-lettered. */
const deadLetterRetention = Duration.days(14);

/**
 * All queues. A picture goes through uploads (or backfill), tokens and result events. Uploads and backfill hold the same
 * kinds of messages and share a dead-letter queue.
 */
export class Queues extends Construct {
  /** S3 notifications, and references that the worker sends back. */
  readonly uploads: Queue;
  /** References from `igpt backfill`, in a queue of their own so that they do not delay uploads. */
  readonly backfill: Queue;
  readonly tokens: Queue;
  /** Result events, for the user's own consumer. */
  readonly resultEvents: Queue;
  readonly uploadsDeadLetters: Queue;
  readonly tokensDeadLetters: Queue;
  readonly resultEventsDeadLetters: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.uploadsDeadLetters = queue(this, 'UploadsDeadLetters', { retentionPeriod: deadLetterRetention });
    this.tokensDeadLetters = queue(this, 'TokensDeadLetters', { retentionPeriod: deadLetterRetention });
    this.resultEventsDeadLetters = queue(this, 'ResultEventsDeadLetters', { retentionPeriod: deadLetterRetention });

    const uploads = {
      visibilityTimeout: Duration.seconds(visibilitySeconds.uploads),
      deadLetterQueue: deadLettersOf(this.uploadsDeadLetters),
    };
    this.uploads = queue(this, 'Uploads', uploads);
    this.backfill = queue(this, 'Backfill', uploads);
    this.tokens = queue(this, 'Tokens', {
      visibilityTimeout: Duration.seconds(visibilitySeconds.tokens),
      deadLetterQueue: deadLettersOf(this.tokensDeadLetters),
      maxMessageSizeBytes: maxMessageBytes,
    });
    this.resultEvents = queue(this, 'ResultEvents', {
      visibilityTimeout: Duration.seconds(visibilitySeconds.resultEvents),
      deadLetterQueue: deadLettersOf(this.resultEventsDeadLetters),
    });
  }
}

interface QueueChoices {
  visibilityTimeout?: Duration;
  retentionPeriod?: Duration;
  deadLetterQueue?: DeadLetterQueue;
  maxMessageSizeBytes?: number;
}

function queue(scope: Construct, id: string, choices: QueueChoices): Queue {
  return new Queue(scope, id, {
    retentionPeriod: retention,
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    removalPolicy: RemovalPolicy.DESTROY,
    ...choices,
  });
}

function deadLettersOf(deadLetters: Queue): DeadLetterQueue {
  return { queue: deadLetters, maxReceiveCount };
}
