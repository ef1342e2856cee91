import {
  CustomResource,
  Duration,
  type IResolvable,
  Lazy,
  Stack,
  Token,
  TreeInspector,
  Validations,
} from 'aws-cdk-lib';
import { type BaseService, CfnService, type Cluster } from 'aws-cdk-lib/aws-ecs';
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { Construct, type IDependable } from 'constructs';
import { acknowledgeManagedFunction, acknowledgeWildcards } from './acknowledge.ts';
import { functionBundle } from './function-bundle.ts';
import { logGroup } from './log-group.ts';
import { allow } from './permissions.ts';
import type { WorkerTask } from './worker-task.ts';

/** Where the proof of a task definition runs. */
export interface ProofPlace {
  capacityProvider: string;
  /** For a task with an address of its own. */
  address?: { subnets: string[]; securityGroups: string[] };
  after: readonly IDependable[];
}

export interface RolloutProps {
  cluster: Cluster;
  task: WorkerTask;
  services: readonly BaseService[];
  place: ProofPlace;
  /** False: only keep the number of tasks. */
  prove: boolean;
  /** Resources that must exist before a task starts. */
  after: readonly IDependable[];
  logRetentionDays: number;
}

/** Time between two looks at the proof. */
const queryInterval = Duration.seconds(15);

/** Longer than the longest proof (functions/rollout/judge-proof.ts), shorter than CloudFormation's hour. */
const totalTimeout = Duration.minutes(40);

/**
 * Stands between a new task definition and the services: proves the definition, then gives the services the number of
 * tasks that they run now. Without it CloudFormation would set that number with every change: omitted, a new service
 * starts with one task; a fixed 0 ends running tasks.
 *
 * The cost brake may be pulled between the reading of the number and the update of the service, which are seconds apart.
 * It ends all tasks twice, five minutes apart (cost-brake.ts), so its second time holds.
 */
export class Rollout extends Construct {
  /** How the proof of the definition ended, as text. */
  readonly proof: string;

  constructor(scope: Construct, id: string, props: RolloutProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const { cluster, task, place } = props;
    const services = props.services.map(({ node: { defaultChild } }) => {
      if (defaultChild instanceof CfnService) return defaultChild;
      throw new TypeError('Expected an ECS service with a CloudFormation resource.');
    });
    const idOf = (service: CfnService): string => stack.getLogicalId(service);
    const resource = new CustomResource(this, 'Resource', {
      resourceType: 'Custom::WorkerRollout',
      serviceToken: this.provider(props).serviceToken,
      properties: {
        Cluster: cluster.clusterName,
        TaskDefinition: task.definition.taskDefinitionArn,
        CapacityProvider: place.capacityProvider,
        ...(place.address && { Subnets: place.address.subnets, SecurityGroups: place.address.securityGroups }),
        LogGroup: task.log.logGroupName,
        Services: services.map(idOf),
        Prove: props.prove,
        // Any change of a service must read the number of tasks again.
        ServiceProperties: services.map(propertiesOf),
      },
    });
    // The task also needs its policies, and the network's routes.
    resource.node.addDependency(cluster, task, ...place.after, ...props.after);
    for (const service of services) service.desiredCount = Token.asNumber(resource.getAtt(idOf(service)));
    this.proof = resource.getAttString('Proof');
  }

  private provider(props: RolloutProps): Provider {
    const log = logGroup(this, 'Log', props.logRetentionDays);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const permissions = this.permissions(props);
    for (const statement of permissions) role.addToPolicy(statement);
    log.grantWrite(role);
    acknowledgeWildcards(
      role,
      permissions,
      'The cluster has only our services and tasks; the ARNs of tasks, and of services that do not exist yet, are unknown.',
    );
    const handler = new NodejsFunction(this, 'Handler', {
      ...functionBundle({ architecture: 'arm64', handler: 'functions/rollout/handler.ts', programs: [] }),
      description: 'Image GPT: proves a new worker and keeps the number of tasks',
      memorySize: 256,
      timeout: Duration.minutes(2),
      role,
      logGroup: log,
    });
    const provider = new Provider(this, 'Provider', {
      onEventHandler: handler,
      isCompleteHandler: handler,
      queryInterval,
      totalTimeout,
      logGroup: log,
    });
    // A proof that starts before the policy cannot run its task.
    provider.node.addDependency(role);
    acknowledgeProvider(provider, handler);
    return provider;
  }

  private permissions({ cluster, task: { definition } }: RolloutProps): PolicyStatement[] {
    const stack = Stack.of(this);
    const inCluster = (resource: string): string =>
      stack.formatArn({ service: 'ecs', resource, resourceName: `${cluster.clusterName}/*` });
    // Every revision: a new one in the policy would take effect too late for the proof.
    const revisions = stack.formatArn({
      service: 'ecs',
      resource: 'task-definition',
      resourceName: `${definition.family}:*`,
    });
    const roles = [definition.taskRole, definition.obtainExecutionRole()].map(({ roleArn }) => roleArn);
    return [
      allow(['ecs:RunTask'], [revisions], { ArnEquals: { 'ecs:cluster': cluster.clusterArn } }),
      allow(['iam:PassRole'], roles, { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } }),
      allow(['ecs:ListTasks'], ['*'], { ArnEquals: { 'ecs:cluster': cluster.clusterArn } }),
      allow(['ecs:DescribeTasks', 'ecs:StopTask'], [inCluster('task')]),
      allow(['ecs:DescribeServices'], [inCluster('service')]),
      allow(['cloudformation:DescribeStacks', 'cloudformation:DescribeStackResource'], [stack.stackId]),
    ];
  }
}

/** Everything that a deployment can change of a service, but the number of tasks. */
function propertiesOf(service: CfnService): IResolvable {
  return Lazy.any({
    produce() {
      const inspector = new TreeInspector();
      service.inspect(inspector);
      const { desiredCount: _, ...properties } = inspector.attributes['aws:cdk:cloudformation:props'];
      return properties;
    },
  });
}

/** Acknowledges findings about the functions and the state machine of CDK's provider framework. */
function acknowledgeProvider(provider: Provider, handler: NodejsFunction): void {
  acknowledgeManagedFunction(provider);
  const functions = [handler, ...provider.node.findAll()].filter((child) => child instanceof LambdaFunction);
  const versions = functions.map(({ functionArn }) => `${functionArn}:*`);
  acknowledgeWildcards(provider, [allow([], versions)], 'CDK lets these functions call any version of each other.');
  Validations.of(provider).acknowledge(
    { id: 'AwsSolutions-SF1', reason: 'Runs during a deployment; its history keeps every step for 90 days.' },
    { id: 'AwsSolutions-SF2', reason: 'Calls only functions, which need no tracing.' },
  );
}
