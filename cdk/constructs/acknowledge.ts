import { Stack, Validations } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

/** Gives cdk-nag a reason for each wildcard of `statements`, and for no other that `scope` may have. */
export function acknowledgeWildcards(scope: IConstruct, statements: readonly PolicyStatement[], reason: string): void {
  const stack = Stack.of(scope);
  const findings = statements.flatMap(({ actions, resources }) => [
    ...actions.map((action) => `Action::${action}`),
    ...resources.map((resource) => `Resource::${flat(stack.resolve(resource))}`),
  ]);
  acknowledgeFindings(
    scope,
    findings.filter((finding) => finding.includes('*')),
    reason,
  );
}

/** The same for findings by name, where the statements are CDK's own. */
export function acknowledgeFindings(scope: IConstruct, findings: readonly string[], reason: string): void {
  const acknowledged = findings.map((finding) => ({ id: `AwsSolutions-IAM5[${finding}]`, reason }));
  Validations.of(scope).acknowledge(...acknowledged);
}

/** For a function that CDK itself puts into the stack: its role writes its log by a managed policy, its runtime is CDK's. */
export function acknowledgeManagedFunction(scope: IConstruct): void {
  const policy = 'arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole';
  Validations.of(scope).acknowledge(
    { id: `AwsSolutions-IAM4[Policy::${policy}]`, reason: 'CDK’s own function; the policy lets it write its log.' },
    { id: 'AwsSolutions-L1', reason: 'CDK’s own function; CDK chooses its runtime.' },
  );
}

/** A reference as cdk-nag writes it: `<LogicalId.Arn>/*`. */
function flat(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const [[name, argument] = []] = Object.entries(value);
  if (name === 'Ref') return `<${argument}>`;
  if (name === 'Fn::GetAtt' && Array.isArray(argument)) return `<${argument.join('.')}>`;
  if (name === 'Fn::Join' && Array.isArray(argument) && Array.isArray(argument[1])) {
    return argument[1].map(flat).join(argument[0]);
  }
  return String(argument).replaceAll(/\$\{([^}]+)\}/g, '<$1>');
}
