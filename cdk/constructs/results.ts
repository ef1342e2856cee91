import { Alias } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface ResultsProps {
  /** Subscribed from the start, so that nobody has to be quick. */
  resultEvents: Queue;
  resultEventsDeadLetters: Queue;
}

/**
 * The topic of result events. Its messages have the attributes `status`, `model` and, on success with a class head,
 * `label`: a subscription's filter policy chooses by them.
 */
export class Results extends Construct {
  readonly topic: ITopic;

  constructor(scope: Construct, id: string, { resultEvents, resultEventsDeadLetters }: ResultsProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', {
      displayName: 'Image GPT results',
      enforceSSL: true,
      // SNS's own key costs nothing; its policy lets every publisher of this account use it through SNS.
      masterKey: Alias.fromAliasName(this, 'Key', 'alias/aws/sns'),
    });
    this.topic.addSubscription(
      new SqsSubscription(resultEvents, { rawMessageDelivery: true, deadLetterQueue: resultEventsDeadLetters }),
    );
  }
}
