import { Aws, Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type CfnBucket, EventType, type IBucket } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { acknowledgeManagedFunction } from './acknowledge.ts';
import type { Storage } from './storage.ts';

/** A picture appeared, was replaced, or went away: an outcome is due or obsolete. */
const events = [EventType.OBJECT_CREATED, EventType.OBJECT_REMOVED];

/** Has the input bucket tell the uploads queue of every change. */
export function notifyUploads({ input, ownInput }: Storage, uploads: Queue): void {
  if (ownInput) notifyFromOwnBucket(ownInput, uploads);
  else notifyFromExistingBucket(input, uploads);
}

/** In the bucket's own template entry: no function is needed for it. */
function notifyFromOwnBucket(bucket: CfnBucket, uploads: Queue): void {
  const allowed = uploads.addToResourcePolicy(
    new PolicyStatement({
      effect: Effect.ALLOW,
      principals: [new ServicePrincipal('s3.amazonaws.com')],
      actions: ['sqs:SendMessage'],
      resources: [uploads.queueArn],
      // The bucket waits for this policy, so the policy cannot name the bucket: any bucket of this account.
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
  );
  bucket.notificationConfiguration = {
    queueConfigurations: events.map((event) => ({ event, queue: uploads.queueArn })),
  };
  // S3 checks that it may send before it accepts the configuration.
  if (allowed.policyDependable) bucket.node.addDependency(allowed.policyDependable);
}

/** Adds our notifications to those that an existing bucket has; `cdk destroy` takes away ours only. */
function notifyFromExistingBucket(bucket: IBucket, uploads: Queue): void {
  const destination = new SqsDestination(uploads);
  for (const event of events) bucket.addEventNotification(event, destination);
  // The function that CDK puts into the stack to change the notifications of a bucket that is not ours.
  for (const child of Stack.of(uploads).node.children) {
    if (!child.node.id.startsWith('BucketNotificationsHandler')) continue;
    acknowledgeManagedFunction(child);
  }
}
