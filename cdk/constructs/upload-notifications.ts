import { Stack } from 'aws-cdk-lib';
import { EventType, type IBucket } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { acknowledgeManagedFunction } from './acknowledge.ts';

/** A picture appeared, was replaced, or went away: an outcome is due or obsolete. */
const events = [EventType.OBJECT_CREATED, EventType.OBJECT_REMOVED];

/**
 * Has the input bucket tell the uploads queue of every change. A function of CDK's does it, beside what an existing
 * bucket tells others, and undoes it when the stack goes: a bucket that stayed with its notifications could not be taken
 * up again, because S3 accepts no second one for the same events.
 */
export function notifyUploads(input: IBucket, uploads: Queue): void {
  const destination = new SqsDestination(uploads);
  for (const event of events) input.addEventNotification(event, destination);
  for (const child of Stack.of(uploads).node.children) {
    if (child.node.id.startsWith('BucketNotificationsHandler')) acknowledgeManagedFunction(child);
  }
}
