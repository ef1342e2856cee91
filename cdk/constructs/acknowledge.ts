import { Stack, Validations } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

/** Acknowledges cdk-nag's findings about the wildcards of `statements`. Other wildcards of `scope` stay findings. */
export function acknowledgeWildcards(scope: IConstruct, statements: readonly PolicyStatement[], reason: string): void {
  const stack = Stack.of(scope);
  const findings = statements.flatMap(({ actions, resources }) => [
    ...actions.map((action) => `Action::${action}`),
    ...resources.map((resource) => `Resource::${readable(stack.resolve(resource))}`),
  ]);
  acknowledgeFindings(
    scope,
    findings.filter((finding) => finding.includes('*')),
    reason,
  );
}

/** Acknowledges findings about wildcards by name, for statements that CDK writes itself. */
export function acknowledgeFindings(scope: IConstruct, findings: readonly string[], reason: string): void {
  const acknowledged = findings.map((finding) => ({ id: `AwsSolutions-IAM5[${finding}]`, reason }));
  Validations.of(scope).acknowledge(...acknowledged);
}

/** Acknowledges the findings about a function that CDK adds to the stack: its managed policy and its runtime. */
export function acknowledgeManagedFunction(scope: IConstruct): void {
  const policy = 'arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole';
  Validations.of(scope).acknowledge(
    { id: `AwsSolutions-IAM4[Policy::${policy}]`, reason: 'A function of CDK; the policy lets it write its log.' },
    { id: 'AwsSolutions-L1', reason: 'A function of CDK; CDK chooses its runtime.' },
  );
}

/** A reference in cdk-nag's notation: `<LogicalId.Arn>/*`. */
function readable(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const [[name, argument] = []] = Object.entries(value);
  if (name === 'Ref') return `<${argument}>`;
  if (name === 'Fn::GetAtt' && Array.isArray(argument)) return `<${argument.join('.')}>`;
  if (name === 'Fn::Join' && Array.isArray(argument) && Array.isArray(argument[1])) {
    return argument[1].map(readable).join(argument[0]);
  }
  return String(argument).replaceAll(/\$\{([^}]+)\}/g, '<$1>');
}
