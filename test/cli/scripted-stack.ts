import { stackOutputs } from '../../lib/contracts/stack-outputs.ts';
import type { Answer } from '../support/scripted-aws.ts';

/** CloudFormation's answer for a deployed stack: the value of output `NAME` is `the-NAME`. Leaves out `without`. */
export function scriptedStack(...without: string[]): Answer {
  const outputs = Object.values(stackOutputs)
    .filter((output) => !without.includes(output))
    .map((output) => `<member><OutputKey>${output}</OutputKey><OutputValue>the-${output}</OutputValue></member>`);
  const body = `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>Mine</StackName>
    <StackId>arn:aws:cloudformation:us-east-1:123456789012:stack/Mine/1</StackId><StackStatus>CREATE_COMPLETE</StackStatus>
    <Outputs>${outputs.join('')}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`;
  return { status: 200, headers: { 'content-type': 'text/xml' }, body };
}
