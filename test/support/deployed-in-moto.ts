import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { imageGptTemplate } from '../cdk/synthesize.ts';
import { type Moto, motoAccount, motoRegion } from './moto.ts';

/** Resources of the template that carry data or that a command looks at, and that moto makes. */
const kept = [
  'AWS::S3::Bucket',
  'AWS::SQS::Queue',
  'AWS::SNS::Topic',
  'AWS::SNS::Subscription',
  'AWS::ECS::Cluster',
  'AWS::ECS::Service',
  'AWS::StepFunctions::StateMachine',
];

// biome-ignore lint/suspicious/noExplicitAny: a template is whatever CloudFormation makes of it.
type Json = any;

/**
 * Deploys what the commands need of the synthesised template into moto, by CloudFormation: the same queues, topic,
 * buckets, services and state machines, and all outputs, without what moto cannot make (roles, network, functions).
 */
export async function deployIntoMoto(
  moto: Moto,
  stackName = 'Mine',
  context: Record<string, unknown> = {},
): Promise<void> {
  const config = clientConfig(moto);
  const { Resources: resources, Outputs: outputs }: Json = imageGptTemplate({ ...context, stackName }).toJSON();
  const mine: Record<string, Json> = {};
  for (const [id, resource] of Object.entries<Json>(resources)) {
    if (kept.includes(resource.Type)) mine[id] = reduced(resource);
  }
  const ecs = new ECSClient(config);
  const containerDefinitions = [{ name: 'worker', image: 'worker', memory: 1 }];
  await ecs.send(new RegisterTaskDefinitionCommand({ family: 'worker', containerDefinitions }));
  const TemplateBody = JSON.stringify({ Resources: mine, Outputs: withoutOthers(outputs, mine) });
  const cloudFormation = new CloudFormationClient(config);
  await cloudFormation.send(new CreateStackCommand({ StackName: stackName, TemplateBody }));
  const { Stacks: [stack] = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName: stackName }));
  if (stack?.StackStatus !== 'CREATE_COMPLETE') throw new Error(`Expected a stack, received ${stack?.StackStatus}.`);
}

/**
 * Tells these outputs as a stack of CloudFormation's own, for what was made in the emulator by hand; the cost brake's
 * state machines are made here.
 */
export async function writeOutputs(
  moto: Moto,
  stackName: string,
  outputs: Readonly<Record<string, string>>,
): Promise<void> {
  const machine = reduced({ Type: 'AWS::StepFunctions::StateMachine' });
  const told = Object.entries(outputs).map(([name, value]) => [name, { Value: value }]);
  const machines = { CostBrakeHoldArn: { Value: { Ref: 'Hold' } }, CostBrakeReleaseArn: { Value: { Ref: 'Release' } } };
  const template = {
    Resources: { Hold: machine, Release: machine },
    Outputs: { ...Object.fromEntries(told), ...machines },
  };
  const cloudFormation = new CloudFormationClient(clientConfig(moto));
  await cloudFormation.send(new CreateStackCommand({ StackName: stackName, TemplateBody: JSON.stringify(template) }));
}

/** For SDK clients of the test itself. */
export function clientConfig({ endpoint }: Moto) {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return { endpoint, region: motoRegion, credentials, forcePathStyle: true };
}

function reduced({ Type, Properties: properties }: Json): Json {
  switch (Type) {
    case 'AWS::ECS::Service':
      return { Type, Properties: { Cluster: properties.Cluster, DesiredCount: 0, TaskDefinition: 'worker' } };
    case 'AWS::ECS::Cluster':
      return { Type, Properties: {} };
    case 'AWS::StepFunctions::StateMachine': {
      const definition = JSON.stringify({ StartAt: 'Done', States: { Done: { Type: 'Succeed' } } });
      const RoleArn = `arn:aws:iam::${motoAccount}:role/any`;
      return { Type, Properties: { DefinitionString: definition, RoleArn } };
    }
    case 'AWS::SNS::Topic':
    case 'AWS::S3::Bucket':
      return { Type, Properties: {} };
    default:
      return { Type, Properties: properties };
  }
}

/** An output that refers to what is not there becomes the name of what it refers to. */
function withoutOthers(outputs: Record<string, Json>, mine: Record<string, Json>): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, output]) => {
      const text = JSON.stringify(output.Value);
      const [, id] = /"(?:Ref|Fn::GetAtt)":\[?"([^"]+)"/.exec(text) ?? [];
      return [name, { Value: id === undefined || id in mine || id.startsWith('AWS::') ? output.Value : id }];
    }),
  );
}
