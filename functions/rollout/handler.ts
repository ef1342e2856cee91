import { Logger } from '@aws-lambda-powertools/logger';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { clientDefaults, createEcsClient } from '../../lib/aws/clients.ts';
import { rolloutEvent } from '../../lib/contracts/rollout.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { createRollout } from './rollout.ts';

const logger = new Logger({ serviceName: 'rollout' });
const rollout = createRollout({
  ecs: createEcsClient(),
  cloudFormation: new CloudFormationClient(clientDefaults),
  clock,
  warn: (message) => logger.warn(message),
});

/**
 * Entry of the custom resource cdk/constructs/rollout.ts, for both handlers of CDK's provider framework: the first call of
 * a request begins it, and what that returns is part of the event of all further calls.
 */
export async function handler(given: unknown) {
  const event = rolloutEvent.parse(given);
  return event.Proof === undefined ? rollout.begin(event) : rollout.finish(event, event.Proof);
}
