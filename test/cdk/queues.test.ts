import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { imageGptTemplate, resource } from './synthesize.ts';

const template = imageGptTemplate();
const lambda = imageGptTemplate({ compute: 'lambda' });
const queue = (name: string) => resource(template, 'AWS::SQS::Queue', `Queues${name}`);
const day = 86_400;

test.each([
  ['Uploads', 'UploadsDeadLetters'],
  ['Backfill', 'UploadsDeadLetters'],
  ['Tokens', 'TokensDeadLetters'],
  ['ResultEvents', 'ResultEventsDeadLetters'],
])('%s keeps messages for 7 days, and dead-letters them after 5 receives', (name, deadLetters) => {
  const letters = { 'Fn::GetAtt': [queue(deadLetters).id, 'Arn'] };

  expect(queue(name).properties).toMatchObject({
    MessageRetentionPeriod: 7 * day,
    RedrivePolicy: { deadLetterTargetArn: letters, maxReceiveCount: 5 },
  });
});

test.each(['UploadsDeadLetters', 'TokensDeadLetters', 'ResultEventsDeadLetters'])(
  '%s keeps messages for 14 days',
  (name) => {
    const { properties } = queue(name);

    expect(properties.MessageRetentionPeriod).toBe(14 * day);
    expect(properties.RedrivePolicy).toBeUndefined();
  },
);

test('every queue is encrypted, refuses plain HTTP, and is deleted with the stack', () => {
  template.resourceCountIs('AWS::SQS::Queue', 7);
  template.allResources('AWS::SQS::Queue', {
    DeletionPolicy: 'Delete',
    Properties: Match.objectLike({ SqsManagedSseEnabled: true }),
  });
  template.resourceCountIs('AWS::SQS::QueuePolicy', 7);
  template.allResourcesProperties('AWS::SQS::QueuePolicy', {
    PolicyDocument: Match.objectLike({
      Statement: Match.arrayWith([
        Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      ]),
    }),
  });
});

test('a tokens message may have 1 MiB', () => {
  expect(queue('Tokens').properties.MaximumMessageSize).toBe(1_048_576);
});

test.each([
  ['Uploads', 'PreprocessHandler'],
  ['Backfill', 'BackfillHandler'],
  ['Tokens', 'InferHandler'],
])(
  '%s hides a message for six timeouts of its function, so that a throttled delivery does not come twice',
  (name, of) => {
    const { Timeout: timeout } = resource(lambda, 'AWS::Lambda::Function', of).properties;

    expect(resource(lambda, 'AWS::SQS::Queue', `Queues${name}`).properties.VisibilityTimeout).toBe(6 * timeout);
  },
);

test('result events are encrypted, published over TLS only, and delivered to a queue', () => {
  const topic = resource(template, 'AWS::SNS::Topic', 'ResultsTopic');
  expect(JSON.stringify(topic.properties.KmsMasterKeyId)).toContain('alias/aws/sns');

  template.hasResourceProperties('AWS::SNS::TopicPolicy', {
    Topics: [{ Ref: topic.id }],
    PolicyDocument: Match.objectLike({
      Statement: Match.arrayWith([
        Match.objectLike({
          Effect: 'Deny',
          Action: 'sns:Publish',
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        }),
      ]),
    }),
  });
  expect(resource(template, 'AWS::SNS::Subscription').properties).toEqual({
    Protocol: 'sqs',
    TopicArn: { Ref: topic.id },
    Endpoint: { 'Fn::GetAtt': [queue('ResultEvents').id, 'Arn'] },
    // Attributes and body arrive as published.
    RawMessageDelivery: true,
    RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': [queue('ResultEventsDeadLetters').id, 'Arn'] } },
  });
});

test('only the topic may put events into the result-events queue', () => {
  template.hasResourceProperties('AWS::SQS::QueuePolicy', {
    Queues: [{ Ref: queue('ResultEvents').id }],
    PolicyDocument: Match.objectLike({
      Statement: Match.arrayWith([
        Match.objectLike({
          Principal: { Service: 'sns.amazonaws.com' },
          Condition: {
            ArnEquals: { 'aws:SourceArn': { Ref: resource(template, 'AWS::SNS::Topic', 'ResultsTopic').id } },
          },
        }),
      ]),
    }),
  });
});
