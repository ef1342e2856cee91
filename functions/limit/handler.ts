import { createSnsClient } from '../../lib/aws/clients.ts';
import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { limitEnvironment } from '../../lib/contracts/environment.ts';
import { createCloudWatchClient, createStepFunctionsClient } from '../../lib/operate/clients.ts';
import { enforceLimit } from '../../lib/operate/enforce-limit.ts';

const clients = {
  cloudWatch: createCloudWatchClient(),
  stepFunctions: createStepFunctionsClient(),
  sns: createSnsClient(),
};

/** Lambda's entry, called by a schedule: enforces `maxUsdPerDay`. */
export async function handler(): Promise<void> {
  const report = await enforceLimit(clients, readEnvironment(limitEnvironment, process.env), new Date());
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
