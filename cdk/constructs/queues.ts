import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type DeadLetterQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { maxMessageBytes, maxReceiveCount } from '../../lib/contracts/limits.ts';

/** A weekend and four working days to mend what stops the work. */
const retention = Duration.days(7);

/** The longest that SQS keeps: a message keeps its first date when it moves to the dead letters. */
const deadLetterRetention = Duration.days(14);

/** Longest run of the preprocess function: 100 pictures at the decoder's usual pace, with room for slow ones. */
export const preprocessTimeout = Duration.minutes(3);

/** Lambda asks for six times the function's timeout, so that a throttled batch is not delivered twice. */
const uploadsVisibility = Duration.minutes(6 * preprocessTimeout.toMinutes());

/** How soon a killed worker's messages come back; a living one renews this. */
export const tokensVisibility = Duration.seconds(60);

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

    const uploads = { visibilityTimeout: uploadsVisibility, deadLetterQueue: lettersOf(this.uploadsDeadLetters) };
    this.uploads = queue(this, 'Uploads', uploads);
    this.backfill = queue(this, 'Backfill', uploads);
    this.tokens = queue(this, 'Tokens', {
      visibilityTimeout: tokensVisibility,
      deadLetterQueue: lettersOf(this.tokensDeadLetters),
      maxMessageSizeBytes: maxMessageBytes,
    });
    this.resultEvents = queue(this, 'ResultEvents', {
      // For a consumer that we don't know; SQS's own default of 30 s is short for one that calls others.
      visibilityTimeout: Duration.minutes(5),
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
