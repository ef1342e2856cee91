import { Duration, Stack, Validations } from 'aws-cdk-lib';
import type { BaseService } from 'aws-cdk-lib/aws-ecs';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import type { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import {
  Chain,
  Choice,
  Condition,
  DefinitionBody,
  Fail,
  JsonPath,
  StateMachine,
  Succeed,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import { CallAwsService, type CallAwsServiceProps } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { preprocessTimeoutSeconds } from '../../lib/contracts/delivery.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { allow } from './permissions.ts';
import type { ServiceTarget } from './scaling.ts';

/** A disabled mapping may still deliver messages for this long. */
const mappingStops = Duration.minutes(2);

export interface CostBrakeProps {
  /** Each of these alarms pulls the brake. */
  alarmNames: readonly string[];
  services: readonly BaseService[];
  targets: readonly ServiceTarget[];
  /** Mappings of all functions. Those of preprocess would wake the service. */
  mappings: readonly EventSourceMapping[];
}

/**
 * Stops the stack when workers run without storing outcomes, or when a bucket denies access: services stop scaling out,
 * all tasks end, and functions receive no more messages. The work waits in the queues until an operator starts
 * {@link release}.
 */
export class CostBrake extends Construct {
  readonly hold: StateMachine;
  readonly release: StateMachine;

  constructor(scope: Construct, id: string, { alarmNames, services, targets, mappings }: CostBrakeProps) {
    super(scope, id);
    const endAll = (when: string) => services.map((service, i) => this.endTasks(`EndTasks${when}${i + 1}`, service));
    this.hold = this.machine(
      'Hold',
      this.allOf([
        ...targets.map((target, i) => this.scaleOut(`StopGrowth${i + 1}`, target, true)),
        ...endAll(''),
        ...mappings.map((mapping, i) => this.receive(`StopMessages${i + 1}`, mapping, false)),
        // A function that was still running may have woken the service.
        ...(services.length === 0 ? [] : [lastFunctions(this), ...endAll('Again')]),
      ]),
    );
    this.release = this.machine(
      'Release',
      chainOf([
        ...targets.map((target, i) => this.scaleOut(`AllowGrowth${i + 1}`, target, false)),
        ...mappings.map((mapping, i) => this.receive(`TakeMessages${i + 1}`, mapping, true)),
      ]),
    );
    new Rule(this, 'Alarm', {
      description: 'Image GPT cost brake',
      eventPattern: {
        source: ['aws.cloudwatch'],
        detailType: ['CloudWatch Alarm State Change'],
        detail: { alarmName: [...alarmNames], state: { value: ['ALARM'] } },
      },
      targets: [new SfnStateMachine(this.hold)],
    });
  }

  private get scalableTargets(): string {
    const allTargets = { service: 'application-autoscaling', resource: 'scalable-target', resourceName: '*' };
    return Stack.of(this).formatArn(allTargets);
  }

  /** Runs all steps even when one fails; then the machine fails in the end. */
  private allOf(steps: readonly Step[]): Chain {
    const failed = '$.failed';
    const end = new Choice(this, 'AllHeld')
      .when(
        Condition.isPresent(failed),
        new Fail(this, 'NotAllHeld', { error: 'NotAllHeld', cause: 'A step failed; the others were done.' }),
      )
      .otherwise(new Succeed(this, 'Held'));
    steps.forEach((step, i) => {
      if (step instanceof CallAwsService) step.addCatch(steps[i + 1] ?? end, { resultPath: failed });
    });
    return chainOf(steps).next(end);
  }

  private machine(id: string, definition: Chain): StateMachine {
    const machine = new StateMachine(this, id, {
      definitionBody: DefinitionBody.fromChainable(definition),
      // Longer than all retries of all steps.
      timeout: Duration.hours(2),
    });
    Validations.of(machine).acknowledge(
      { id: 'AwsSolutions-SF1', reason: 'Runs a few times a year; its history keeps every step for 90 days.' },
      { id: 'AwsSolutions-SF2', reason: 'Calls only AWS services, which need no tracing.' },
    );
    const wildcards = [allow([], [this.scalableTargets])];
    acknowledgeWildcards(machine, wildcards, 'The ARN of a scalable target is unknown until it is created.');
    return machine;
  }

  /** Enables or disables the delivery of messages to preprocess. */
  private receive(id: string, mapping: EventSourceMapping, enabled: boolean): CallAwsService {
    return this.call(id, {
      service: 'lambda',
      action: 'updateEventSourceMapping',
      parameters: { Uuid: mapping.eventSourceMappingId, Enabled: enabled },
      iamResources: [mapping.eventSourceMappingArn],
    });
  }

  /** Suspends or allows scaling out. Scaling in stays allowed, so that tasks end when the queue is empty. */
  private scaleOut(id: string, target: ServiceTarget, suspended: boolean): CallAwsService {
    return this.call(id, {
      service: 'applicationautoscaling',
      action: 'registerScalableTarget',
      iamAction: 'application-autoscaling:RegisterScalableTarget',
      parameters: {
        ServiceNamespace: 'ecs',
        ScalableDimension: 'ecs:service:DesiredCount',
        ResourceId: target.resourceId,
        SuspendedState: { DynamicScalingOutSuspended: suspended },
      },
      iamResources: [this.scalableTargets],
      // Application Auto Scaling checks that the caller may change the service itself.
      // Source: Application Auto Scaling User Guide, "Permissions validation".
      additionalIamStatements: [allow(['ecs:DescribeServices', 'ecs:UpdateService'], [target.serviceArn])],
    });
  }

  private endTasks(id: string, service: BaseService): CallAwsService {
    return this.call(id, {
      service: 'ecs',
      action: 'updateService',
      parameters: { Cluster: service.cluster.clusterName, Service: service.serviceName, DesiredCount: 0 },
      iamResources: [service.serviceArn],
      iamAction: 'ecs:UpdateService',
    });
  }

  private call(id: string, call: Omit<CallAwsServiceProps, 'resultPath'>): CallAwsService {
    const step = new CallAwsService(this, id, { ...call, resultPath: JsonPath.DISCARD });
    // A service or mapping rejects a change while another change is in progress.
    step.addRetry({ interval: Duration.seconds(10), backoffRate: 2, maxAttempts: 6 });
    return step;
  }
}

/** Waits until no function runs that received its messages before. */
function lastFunctions(scope: Construct): Wait {
  const time = WaitTime.duration(Duration.seconds(preprocessTimeoutSeconds).plus(mappingStops));
  return new Wait(scope, 'LastFunctions', { time });
}

type Step = CallAwsService | Wait;

function chainOf([first, ...rest]: readonly Step[]): Chain {
  if (first === undefined) throw new RangeError('Expected at least one step.');
  return rest.reduce((chain, step) => chain.next(step), Chain.start(first));
}
