import { stackOutputs } from '../../lib/contracts/stack-outputs.ts';
import type { Answer } from '../support/scripted-aws.ts';

/** CloudFormation's answer for the stack `Mine`. The value of output `X` is `the-X`; the outputs in `without` are missing. */
export function scriptedStack(...without: string[]): Answer {
  const outputs = Object.values(stackOutputs)
    .filter((output) => !without.includes(output))
    .map((output) => `<member><OutputKey>${output}</OutputKey><OutputValue>the-${output}</OutputValue></member>`);
  const body = `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>Mine</StackName>
    <StackId>arn:aws:cloudformation:us-east-1:123456789012:stack/Mine/1</StackId><StackStatus>CREATE_COMPLETE</StackStatus>
    <Outputs>${outputs.join('')}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`;
  return { status: 200, headers: { 'content-type': 'text/xml' }, body };
}
