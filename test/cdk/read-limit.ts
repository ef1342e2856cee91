import type { Template } from 'aws-cdk-lib/assertions';
import { type LimitEnvironment, limitEnvironment } from '../../lib/contracts/environment.ts';
import { resourceName } from '../support/resource-name.ts';
import { type Properties, resource } from './synthesize.ts';

export const machineArn = (name: string) => `arn:aws:states:eu-central-1:123456789012:stateMachine:${name}`;

/** The environment of the daily limit's function in a template, as the function itself reads it. */
export function readLimit(template: Template): LimitEnvironment {
  const { Variables: variables } = resource(template, 'AWS::Lambda::Function', 'DailyLimitHandler').properties
    .Environment;
  return limitEnvironment.parse(
    Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, text(value)])),
  );
}

/** A reference in a template as text: an ARN where the contract wants one, otherwise the logical name. */
function text(value: Properties): string {
  if (typeof value === 'string') return value;
  if (value['Fn::Join'] !== undefined) return value['Fn::Join'][1].map(text).join('');
  const name = resourceName(value.Ref ?? value['Fn::GetAtt'][0]);
  if (name.startsWith('CostBrake')) return machineArn(name);
  return name === 'AlarmsTopic' ? `arn:aws:sns:eu-central-1:123456789012:${name}` : name;
}
