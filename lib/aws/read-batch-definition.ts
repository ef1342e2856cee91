import { type BatchClient, DescribeJobDefinitionsCommand } from '@aws-sdk/client-batch';
import { type BatchDefinition, batchDefinition } from '../contracts/environment.ts';
import { commandError } from './command-error.ts';
import { readEnvironment } from './read-environment.ts';

/**
 * The model of a stack and what its workers compute, from its definition of batch jobs.
 *
 * @throws CommandError; EnvironmentError when the definition is none of ours
 */
export async function readBatchDefinition(client: BatchClient, definition: string): Promise<BatchDefinition> {
  const command = new DescribeJobDefinitionsCommand({ jobDefinitions: [definition] });
  const { jobDefinitions: [found] = [] } = await client.send(command).catch((error: unknown) => {
    throw commandError('read the definition of batch jobs', error);
  });
  const variables = found?.containerProperties?.environment ?? [];
  return readEnvironment(batchDefinition, Object.fromEntries(variables.map(({ name = '', value }) => [name, value])));
}
