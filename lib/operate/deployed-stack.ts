import {
  type CloudFormationClient,
  DescribeStacksCommand,
  paginateDescribeStacks,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { awsErrorName } from '../aws/aws-error.ts';
import type { StackOptions } from '../cli/options/stack-option.ts';
import { requiredOutputs, type StackOutputs, stackOutputs } from '../contracts/stack-outputs.ts';
import { ImageGptError } from '../ports/error.ts';
import { commandError } from './operator-error.ts';

type OutputName = keyof typeof stackOutputs;

const required = Object.keys(requiredOutputs).filter(isOutputName);

/** A stack that work can be sent to. */
export interface DeployedStack {
  name: string;
  region: string;
  /** Twelve digits. */
  account: string;
  /** CloudFormation's word: CREATE_COMPLETE, UPDATE_IN_PROGRESS … */
  status: string;
  outputs: StackOutputs;
}

/** `stack_missing`, `stack_unfinished` (also: being deleted, rolled back), `stack_foreign` (none of ours). */
export class StackError extends ImageGptError {
  declare readonly code: 'stack_missing' | 'stack_unfinished' | 'stack_foreign';

  constructor(code: StackError['code'], message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** Nothing of such a stack can be relied on. While it is updated, or after a failed update, it works as before. */
const unusable = /^(CREATE_IN_PROGRESS|CREATE_FAILED|ROLLBACK_.*|DELETE_.*|REVIEW_IN_PROGRESS|IMPORT_ROLLBACK_.*)$/;

/**
 * Finds a deployed stack by its name in the client's region.
 *
 * @throws {StackError} when it is not there, not finished or none of ours
 * @throws {CommandError} when AWS cannot be asked: no credentials, no region, no network, no permission
 */
export async function readDeployedStack(client: CloudFormationClient, name: string): Promise<DeployedStack> {
  const region = await regionOf(client);
  const found = await find(client, name, region);
  const { StackStatus: status = '', StackStatusReason: reason, StackId: id = '' } = found;
  if (unusable.test(status)) {
    const why = reason === undefined ? '' : ` (${reason})`;
    const doing = status.endsWith('_IN_PROGRESS')
      ? 'wait until it is done'
      : `see why in its events, then deploy again`;
    throw new StackError('stack_unfinished', `stack ${name} in ${region} is ${status}${why}; ${doing}`);
  }
  const given = new Map((found.Outputs ?? []).map(({ OutputKey: key = '', OutputValue: value = '' }) => [key, value]));
  const [, , , , account = ''] = id.split(':');
  return { name, region, account, status, outputs: outputsOf(given, `stack ${name} in ${region}`) };
}

/** Names of the Image GPT stacks in the client's region. */
async function ours(client: CloudFormationClient): Promise<string[]> {
  const names: string[] = [];
  for await (const { Stacks: stacks = [] } of paginateDescribeStacks({ client }, {})) {
    for (const { StackName: name, Outputs: outputs = [] } of stacks) {
      const keys = new Set(outputs.map(({ OutputKey: key }) => key));
      if (name !== undefined && keys.has(stackOutputs.tokensQueueUrl) && keys.has(stackOutputs.modelId))
        names.push(name);
    }
  }
  return names;
}

async function find(client: CloudFormationClient, name: string, region: string): Promise<Stack> {
  const action = `read the stack ${name} in ${region}`;
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
    if (stack !== undefined) return stack;
  } catch (error) {
    if (awsErrorName(error) !== 'ValidationError') throw commandError(action, error);
  }
  // To help, so a refusal here is no news.
  const there = await ours(client).catch(() => []);
  const hint =
    there.length === 0
      ? 'give another --stack or --region, or deploy it with npx cdk deploy'
      : `Image GPT stacks there: ${there.join(', ')}; give one with --stack, or another --region`;
  throw new StackError('stack_missing', `there is no stack ${name} in ${region}; ${hint}`);
}

async function regionOf(client: CloudFormationClient): Promise<string> {
  try {
    return await client.config.region();
  } catch (error) {
    throw commandError('speak to AWS', error);
  }
}

function outputsOf(given: ReadonlyMap<string, string>, place: string): StackOutputs {
  const values: Partial<Record<OutputName, string>> = Object.fromEntries(
    Object.entries(stackOutputs).flatMap(([name, output]) => {
      const value = given.get(output);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  if (isComplete(values)) return values;
  const missing = required.filter((name) => values[name] === undefined);
  const words =
    missing.length === required.length
      ? 'is no stack of Image GPT: it has none of its outputs'
      : `has no ${missing.map((name) => stackOutputs[name]).join(', ')} among its outputs: deploy this version with npx cdk deploy`;
  throw new StackError('stack_foreign', `${place} ${words}`);
}

function isComplete(values: Partial<Record<OutputName, string>>): values is StackOutputs {
  return required.every((name) => values[name] !== undefined);
}

function isOutputName(name: string): name is OutputName {
  return Object.hasOwn(stackOutputs, name);
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
    import('./deployed-stack.ts'),
    import('./clients.ts'),
  ]);
  return readDeployedStack(createCloudFormationClient(), stack);
}
