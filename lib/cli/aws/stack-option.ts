import { InvalidArgumentError, Option } from 'commander';
import type { DeployedStack } from '../../aws/deployed-stack.ts';
import { invocation } from '../invocation.ts';

/** What every verb that speaks to a deployed stack takes. */
export interface StackOptions {
  stack: string;
  region?: string;
}

/** What `npx cdk deploy` calls the stack unless told otherwise. */
const defaultStack = 'ImageGpt';

export function stackOption(): Option {
  return new Option('--stack <name>', 'name of the deployed stack').default(defaultStack).argParser(stackName);
}

export function regionOption(): Option {
  return new Option('--region <region>', 'AWS region (default: AWS_REGION, or the profile’s)').argParser(regionName);
}

/** A command line that works as it stands: `npx igpt redrive --stack Mine`. */
export function stackCall(verb: string, stack: string): string {
  return `${invocation()} ${verb}${stack === defaultStack ? '' : ` --stack ${stack}`}`;
}

function stackName(text: string): string {
  if (/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(text)) return text;
  throw new InvalidArgumentError('expected a stack name: letters, digits and hyphens');
}

function regionName(text: string): string {
  if (/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(text)) return text;
  throw new InvalidArgumentError('expected a region, for instance eu-central-1');
}

/** Every client of this process speaks to `region` from here on; undefined: where the environment says. */
export function useRegion(region: string | undefined): void {
  if (region !== undefined) Object.assign(process.env, { AWS_REGION: region });
}

/**
 * The stack that `--stack` and `--region` name. Only here the AWS SDK is loaded, so that other verbs start without it.
 *
 * @throws {StackError} no such stack, not finished, none of ours
 * @throws {CommandError} no credentials, no region, no network, no permission
 */
export async function openStack({ stack, region }: StackOptions): Promise<DeployedStack> {
  useRegion(region);
  const [{ readDeployedStack }, { createCloudFormationClient }] = await Promise.all([
    import('../../aws/deployed-stack.ts'),
    import('../../aws/command-clients.ts'),
  ]);
  return readDeployedStack(createCloudFormationClient(), stack);
}
