import type { Cluster } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';

/**
 * Has `service` deleted before the cluster's capacity providers: CloudFormation cannot take those from a cluster whose
 * services still use them, and `cdk destroy` would end half-way.
 */
export function untilGone(service: Construct, cluster: Cluster): void {
  service.node.addDependency(cluster);
}
