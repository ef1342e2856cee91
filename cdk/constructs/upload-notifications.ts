import { CfnResource, Stack } from 'aws-cdk-lib';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { EventType, type IBucket } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { acknowledgeManagedFunction } from './acknowledge.ts';
import { logGroup } from './log-group.ts';

/**
 * A picture appeared, was replaced, came back from an archive, or went away: an outcome is due or obsolete. What a
 * lifecycle rule deletes is told by an event of its own.
 */
const events = [
  EventType.OBJECT_CREATED,
  EventType.OBJECT_RESTORE_COMPLETED,
  EventType.OBJECT_REMOVED,
  EventType.LIFECYCLE_EXPIRATION,
];

/**
 * Has the input bucket tell the uploads queue of every change. A function of CDK's does it, beside what an existing
 * bucket tells others, and undoes it when the stack goes: a bucket that stayed with its notifications could not be taken
 * up again, because S3 accepts no second one for the same events.
 */
export function notifyUploads(input: IBucket, uploads: Queue, logRetentionDays: number): void {
  const destination = new SqsDestination(uploads);
  for (const event of events) input.addEventNotification(event, destination);
  for (const child of Stack.of(uploads).node.children) {
    if (!child.node.id.startsWith('BucketNotificationsHandler')) continue;
    acknowledgeManagedFunction(child);
    // Else Lambda makes one at the first call, which is kept for ever and stays when the stack goes.
    const log = logGroup(child, 'Log', logRetentionDays);
    for (const resource of child.node.children) {
      if (CfnResource.isCfnResource(resource) && resource.cfnResourceType === CfnFunction.CFN_RESOURCE_TYPE_NAME) {
        resource.addPropertyOverride('LoggingConfig.LogGroup', log.logGroupName);
      }
    }
  }
}
