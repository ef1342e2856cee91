import { Alias } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface ResultsProps {
  /** Subscribed from the start, so that no event is lost before the user's consumer exists. */
  resultEvents: Queue;
  resultEventsDeadLetters: Queue;
}

/**
 * The topic of result events. Its messages have the attributes `status`, `model` and, for classified pictures, `label`.
 * The filter policy of a subscription can use them.
 */
export class Results extends Construct {
  readonly topic: ITopic;

  constructor(scope: Construct, id: string, { resultEvents, resultEventsDeadLetters }: ResultsProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', {
      displayName: 'Image GPT results',
      enforceSSL: true,
      // The AWS-managed key of SNS is free, and every publisher of this account may use it.
      masterKey: Alias.fromAliasName(this, 'Key', 'alias/aws/sns'),
    });
    this.topic.addSubscription(
      new SqsSubscription(resultEvents, { rawMessageDelivery: true, deadLetterQueue: resultEventsDeadLetters }),
    );
  }
}
