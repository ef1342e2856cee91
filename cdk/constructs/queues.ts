import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type DeadLetterQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { maxReceiveCount, visibilitySeconds } from '../../lib/contracts/delivery.ts';
import { maxMessageBytes } from '../../lib/contracts/limits.ts';

/** A weekend and four working days to mend what stops the work. */
const retention = Duration.days(7);

/** The longest that SQS keeps: a message keeps its first date when it moves to the dead letters. */
const deadLetterRetention = Duration.days(14);

/**
 * Every queue of the pipeline. A picture's way: uploads (or backfill) → tokens → results. Uploads and backfill hold the
 * same messages and share their dead letters.
 */
export class Queues extends Construct {
  /** S3 notifications, and references that come back from the worker. */
  readonly uploads: Queue;
  /** References from `igpt backfill`, apart, so that they never delay live uploads. */
  readonly backfill: Queue;
  readonly tokens: Queue;
  /** Result events, for the user's consumer. */
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
      deadLetterQueue: lettersOf(this.uploadsDeadLetters),
    };
    this.uploads = queue(this, 'Uploads', uploads);
    this.backfill = queue(this, 'Backfill', uploads);
    this.tokens = queue(this, 'Tokens', {
      visibilityTimeout: Duration.seconds(visibilitySeconds.tokens),
      deadLetterQueue: lettersOf(this.tokensDeadLetters),
      maxMessageSizeBytes: maxMessageBytes,
    });
    this.resultEvents = queue(this, 'ResultEvents', {
      visibilityTimeout: Duration.seconds(visibilitySeconds.resultEvents),
      deadLetterQueue: lettersOf(this.resultEventsDeadLetters),
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

function lettersOf(letters: Queue): DeadLetterQueue {
  return { queue: letters, maxReceiveCount };
}
