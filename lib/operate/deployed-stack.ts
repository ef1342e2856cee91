import {
  type CloudFormationClient,
  DescribeStacksCommand,
  paginateDescribeStacks,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { awsErrorName } from '../aws/aws-error.ts';
import { requiredOutputs, type StackOutputs, stackOutputs } from '../contracts/stack-outputs.ts';
import { ImageGptError } from '../ports/error.ts';
import { commandError } from './command-error.ts';

type StackOutputName = keyof typeof stackOutputs;

const required = Object.keys(requiredOutputs).filter(isStackOutputName);

/** A stack that can process pictures. */
export interface DeployedStack {
  name: string;
  region: string;
  /** Twelve digits. */
  account: string;
  /** CloudFormation's status: CREATE_COMPLETE, UPDATE_IN_PROGRESS … */
  status: string;
  outputs: StackOutputs;
}

/** `stack_missing`, `stack_unfinished` (also deleted or rolled back), `stack_foreign` (not an Image GPT stack). */
export class StackError extends ImageGptError {
  declare readonly code: 'stack_missing' | 'stack_unfinished' | 'stack_foreign';

  constructor(code: StackError['code'], message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** Statuses of a stack that cannot work. During an update, and after a failed one, a stack works as before. */
const unusable = /^(CREATE_IN_PROGRESS|CREATE_FAILED|ROLLBACK_.*|DELETE_.*|REVIEW_IN_PROGRESS|IMPORT_ROLLBACK_.*)$/;

/**
 * Finds a deployed stack by its name in the client's region.
 *
 * @throws {StackError} when the stack is missing, unfinished or not one of ours
 * @throws {CommandError} when AWS does not answer: no credentials, region, network or permission
 */
export async function readDeployedStack(client: CloudFormationClient, name: string): Promise<DeployedStack> {
  const region = await regionOf(client);
  const {
    StackStatus: status = '',
    StackStatusReason: reason,
    StackId: id = '',
    Outputs,
  } = await findStack(client, name, region);
  if (unusable.test(status)) {
    const why = reason === undefined ? '' : ` (${reason})`;
    const advice = status.endsWith('_IN_PROGRESS')
      ? 'wait until it is done'
      : 'read the cause in its events, then deploy again';
    throw new StackError('stack_unfinished', `stack ${name} in ${region} is ${status}${why}; ${advice}`);
  }
  const values = new Map((Outputs ?? []).map(({ OutputKey: key = '', OutputValue: value = '' }) => [key, value]));
  const [, , , , account = ''] = id.split(':');
  return { name, region, account, status, outputs: parseOutputs(values, `stack ${name} in ${region}`, status) };
}

async function findStack(client: CloudFormationClient, name: string, region: string): Promise<Stack> {
  const found = await describeStack(client, name, region);
  if (found !== undefined) return found;
  // The list is only a hint, so it may fail.
  const others = await listOurStacks(client).catch(() => []);
  const hint =
    others.length === 0
      ? 'give another --stack or --region, or deploy it with npx cdk deploy'
      : `Image GPT stacks there: ${others.join(', ')}; give one with --stack, or another --region`;
  throw new StackError('stack_missing', `there is no stack ${name} in ${region}; ${hint}`);
}

async function regionOf(client: CloudFormationClient): Promise<string> {
  try {
    return await client.config.region();
  } catch (error) {
    throw commandError('call AWS', error);
  }
}

/** Undefined: there is no stack of this name. */
async function describeStack(client: CloudFormationClient, name: string, region: string): Promise<Stack | undefined> {
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return stack;
  } catch (error) {
    if (awsErrorName(error) === 'ValidationError') return undefined;
    throw commandError(`read the stack ${name} in ${region}`, error);
  }
}

/** Names of the Image GPT stacks in the client's region. */
async function listOurStacks(client: CloudFormationClient): Promise<string[]> {
  const names: string[] = [];
  for await (const { Stacks: stacks = [] } of paginateDescribeStacks({ client }, {})) {
    for (const { StackName: name, Outputs: outputs = [] } of stacks) {
      const keys = new Set(outputs.map(({ OutputKey: key }) => key));
      const ours = keys.has(stackOutputs.tokensQueueUrl) && keys.has(stackOutputs.modelId);
      if (name !== undefined && ours) names.push(name);
    }
  }
  return names;
}

function parseOutputs(given: ReadonlyMap<string, string>, place: string, status: string): StackOutputs {
  const values: Partial<Record<StackOutputName, string>> = Object.fromEntries(
    Object.entries(stackOutputs).flatMap(([name, output]) => {
      const value = given.get(output);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const missing = required.filter((name) => values[name] === undefined);
  if (missing.length === required.length) {
    throw new StackError('stack_foreign', `${place} is not an Image GPT stack: it has none of the expected outputs`);
  }
  if (isComplete(values) && computes(values)) return values;
  const names = [...missing.map((name) => stackOutputs[name]), ...(computes(values) ? [] : [computeOutputs])];
  const lacks = `lacks the outputs ${names.join(', ')}`;
  if (status.endsWith('_IN_PROGRESS')) {
    throw new StackError('stack_unfinished', `${place} is ${status} and ${lacks}; wait until it is done`);
  }
  throw new StackError('stack_foreign', `${place} ${lacks}: deploy this version with npx cdk deploy`);
}

function isComplete(values: Partial<Record<StackOutputName, string>>): values is StackOutputs {
  return required.every((name) => values[name] !== undefined);
}

/** What computes: tasks, or the function. */
const computeOutputs = `${stackOutputs.cluster} and ${stackOutputs.service} (or ${stackOutputs.inferFunction})`;

function computes({ cluster, service, inferFunction }: Partial<Record<StackOutputName, string>>): boolean {
  return inferFunction !== undefined || (cluster !== undefined && service !== undefined);
}

function isStackOutputName(name: string): name is StackOutputName {
  return Object.hasOwn(stackOutputs, name);
}
