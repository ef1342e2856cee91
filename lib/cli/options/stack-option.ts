import { InvalidArgumentError, Option } from 'commander';
import { defaultStackName } from '../../contracts/stack-outputs.ts';
import { invocation } from '../invocation.ts';

export function stackOption(): Option {
  return new Option('--stack <name>', 'name of the deployed stack').default(defaultStackName).argParser(stackName);
}

export function regionOption(): Option {
  return new Option('--region <region>', 'AWS region (default: AWS_REGION, or the profile’s)').argParser(regionName);
}

/** Makes command lines for one stack, which work as printed: `redrive` gives `npx igpt redrive --stack Mine`. */
export function stackCall(stack: string): (verb: string) => string {
  const option = stack === defaultStackName ? '' : ` --stack ${stack}`;
  return (verb) => `${invocation()} ${verb}${option}`;
}

function stackName(text: string): string {
  if (/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(text)) return text;
  throw new InvalidArgumentError('expected a stack name: letters, digits and hyphens');
}

function regionName(text: string): string {
  if (/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(text)) return text;
  throw new InvalidArgumentError('expected a region, for instance eu-central-1');
}
