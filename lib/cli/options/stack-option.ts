import { InvalidArgumentError, Option } from 'commander';
import { defaultStackName } from '../../contracts/stack-outputs.ts';
import { invocation } from '../invocation.ts';

/** What every verb that speaks to a deployed stack takes. */
export interface StackOptions {
  stack: string;
  region?: string;
}

export function stackOption(): Option {
  return new Option('--stack <name>', 'name of the deployed stack').default(defaultStackName).argParser(stackName);
}

export function regionOption(): Option {
  return new Option('--region <region>', 'AWS region (default: AWS_REGION, or the profile’s)').argParser(regionName);
}

/** A command line that works as it stands: `npx igpt redrive --stack Mine`. */
export function stackCall(verb: string, stack: string): string {
  return `${invocation()} ${verb}${stack === defaultStackName ? '' : ` --stack ${stack}`}`;
}

function stackName(text: string): string {
  if (/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(text)) return text;
  throw new InvalidArgumentError('expected a stack name: letters, digits and hyphens');
}

function regionName(text: string): string {
  if (/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(text)) return text;
  throw new InvalidArgumentError('expected a region, for instance eu-central-1');
}
