import { RemovalPolicy } from 'aws-cdk-lib';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** A log group that is deleted with the stack. `retentionDays` must be one that CloudWatch Logs offers. */
export function logGroup(scope: Construct, id: string, retentionDays: number): LogGroup {
  const retention: RetentionDays = retentionDays;
  return new LogGroup(scope, id, { retention, removalPolicy: RemovalPolicy.DESTROY });
}
