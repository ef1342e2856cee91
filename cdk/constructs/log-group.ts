import { RemovalPolicy } from 'aws-cdk-lib';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** A log that goes with the stack. `retentionDays` is one of those that CloudWatch Logs offers. */
export function logGroup(scope: Construct, id: string, retentionDays: number): LogGroup {
  const retention: RetentionDays = retentionDays;
  return new LogGroup(scope, id, { retention, removalPolicy: RemovalPolicy.DESTROY });
}
