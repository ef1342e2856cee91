import { CfnResource, Duration, Lazy, Stack } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Trigger } from 'aws-cdk-lib/triggers';
import { Construct, type IDependable } from 'constructs';
import { acknowledgeManagedFunction, acknowledgeWildcards } from './acknowledge.ts';
import { allow } from './permissions.ts';

export interface FunctionProofProps {
  /** Called with an empty event: it must open its model, predict a picture, and throw when it cannot. */
  handler: LambdaFunction;
  /** Resources that must exist before the call. */
  after: readonly IDependable[];
}

/**
 * Longest call. CDK's trigger calls three times when none is answered, and must itself end within the 15 minutes of a
 * function: otherwise CloudFormation waits for its answer for an hour.
 */
const longest = Duration.seconds(280);

/**
 * Calls a function once during the deployment that changes it. If the call fails, CloudFormation rolls the deployment
 * back. A rollback calls nothing, so it cannot fail for the same reason.
 */
export class FunctionProof extends Construct {
  constructor(scope: Construct, id: string, { handler, after }: FunctionProofProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const trigger = new Trigger(this, 'Trigger', { handler, timeout: longest });
    trigger.node.addDependency(...after);
    // Each version has a trigger of its own. With one for all, a rollback would be an update of it: another call.
    const called = resourceOf(trigger);
    const version = resourceOf(handler.currentVersion);
    const name = stack.getLogicalId(called);
    called.overrideLogicalId(
      Lazy.uncachedString({ produce: () => `${name}${stack.resolve(version.logicalId).slice(-32)}` }),
    );

    const provider = stack.node.findChild('AWSCDK.TriggerCustomResourceProviderCustomResourceProvider');
    acknowledgeManagedFunction(provider);
    acknowledgeWildcards(
      provider,
      [allow([], [`${handler.functionArn}:*`])],
      'CDK allows any version of the function.',
    );
  }
}

/** The CloudFormation resource of a construct that has one. */
function resourceOf(construct: Construct): CfnResource {
  const { defaultChild } = construct.node;
  if (defaultChild instanceof CfnResource) return defaultChild;
  if (defaultChild instanceof Construct) return resourceOf(defaultChild);
  throw new TypeError(`Expected ${construct.node.path} to have a resource.`);
}
