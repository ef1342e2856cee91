import { stackOutputs } from '../../lib/contracts/stack-outputs.ts';
import type { Answer } from './scripted-aws.ts';

/** What CloudFormation tells of a deployed stack that names each output after itself, `without` some. */
export function scriptedStack(...without: string[]): Answer {
  const outputs = Object.values(stackOutputs)
    .filter((output) => !without.includes(output))
    .map((output) => `<member><OutputKey>${output}</OutputKey><OutputValue>the-${output}</OutputValue></member>`);
  const body = `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>Mine</StackName>
    <StackId>arn:aws:cloudformation:us-east-1:123456789012:stack/Mine/1</StackId><StackStatus>CREATE_COMPLETE</StackStatus>
    <Outputs>${outputs.join('')}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`;
  return { status: 200, headers: { 'content-type': 'text/xml' }, body };
}
