import { CfnResource, Stack } from 'aws-cdk-lib';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { EventType, type IBucket } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { acknowledgeManagedFunction } from './acknowledge.ts';
import { logGroup } from './log-group.ts';

/**
 * A picture was created, replaced, restored from an archive, or deleted. S3 reports deletions by a lifecycle rule as an
 * event of their own.
 */
const events = [
  EventType.OBJECT_CREATED,
  EventType.OBJECT_RESTORE_COMPLETED,
  EventType.OBJECT_REMOVED,
  EventType.LIFECYCLE_EXPIRATION,
];

/**
 * Notifies the uploads queue of every change in the input bucket. A function of CDK adds the notifications to those of
 * an existing bucket, and removes them with the stack. Otherwise no later stack could use the bucket: S3 accepts only one
 * notification for an event.
 */
export function notifyUploads(input: IBucket, uploads: Queue, logRetentionDays: number): void {
  const destination = new SqsDestination(uploads);
  for (const event of events) input.addEventNotification(event, destination);
  for (const child of Stack.of(uploads).node.children) {
    if (!child.node.id.startsWith('BucketNotificationsHandler')) continue;
    acknowledgeManagedFunction(child);
    // Otherwise Lambda creates a log group at the first call, which never expires and outlives the stack.
    const log = logGroup(child, 'Log', logRetentionDays);
    for (const resource of child.node.children) {
      if (CfnResource.isCfnResource(resource) && resource.cfnResourceType === CfnFunction.CFN_RESOURCE_TYPE_NAME) {
        resource.addPropertyOverride('LoggingConfig.LogGroup', log.logGroupName);
      }
    }
  }
}
