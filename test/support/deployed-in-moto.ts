import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { imageGptTemplate } from '../cdk/synthesize.ts';
import { type Moto, motoAccount, motoRegion } from './moto.ts';

/** Resource types that carry data or that commands read, and that moto supports. */
const keptTypes = [
  'AWS::S3::Bucket',
  'AWS::SQS::Queue',
  'AWS::SNS::Topic',
  'AWS::SNS::Subscription',
  'AWS::ECS::Cluster',
  'AWS::ECS::Service',
  'AWS::StepFunctions::StateMachine',
];

// biome-ignore lint/suspicious/noExplicitAny: a template is JSON of any shape.
type Json = any;

/**
 * Deploys the part of the synthesised template that the commands need into moto: queues, topic, buckets, services,
 * state machines and all outputs. Roles, network and functions are left out, because moto cannot make them.
 */
export async function deployIntoMoto(
  moto: Moto,
  stackName = 'Mine',
  context: Record<string, unknown> = {},
): Promise<void> {
  const config = clientConfig(moto);
  const { Resources: resources, Outputs: outputs }: Json = imageGptTemplate({ ...context, stackName }).toJSON();
  const deployed: Record<string, Json> = {};
  for (const [id, resource] of Object.entries<Json>(resources)) {
    if (keptTypes.includes(resource.Type)) deployed[id] = reduced(resource);
  }
  const ecs = new ECSClient(config);
  const containerDefinitions = [{ name: 'worker', image: 'worker', memory: 1 }];
  await ecs.send(new RegisterTaskDefinitionCommand({ family: 'worker', containerDefinitions }));
  const TemplateBody = JSON.stringify({ Resources: deployed, Outputs: resolvable(outputs, deployed) });
  const cloudFormation = new CloudFormationClient(config);
  await cloudFormation.send(new CreateStackCommand({ StackName: stackName, TemplateBody }));
  const { Stacks: [stack] = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName: stackName }));
  if (stack?.StackStatus !== 'CREATE_COMPLETE')
    throw new Error(`Expected the stack to be CREATE_COMPLETE, received ${stack?.StackStatus}.`);
}

/**
 * Makes a stack with these outputs, for resources that were made in the emulator by hand. The state machines of the
 * cost brake are made here.
 */
export async function writeOutputs(
  moto: Moto,
  stackName: string,
  outputs: Readonly<Record<string, string>>,
): Promise<void> {
  const machine = reduced({ Type: 'AWS::StepFunctions::StateMachine' });
  const given = Object.entries(outputs).map(([name, value]) => [name, { Value: value }]);
  const machines = { CostBrakeHoldArn: { Value: { Ref: 'Hold' } }, CostBrakeReleaseArn: { Value: { Ref: 'Release' } } };
  const template = {
    Resources: { Hold: machine, Release: machine },
    Outputs: { ...Object.fromEntries(given), ...machines },
  };
  const cloudFormation = new CloudFormationClient(clientConfig(moto));
  await cloudFormation.send(new CreateStackCommand({ StackName: stackName, TemplateBody: JSON.stringify(template) }));
}

/** Configuration of the test's own SDK clients. */
export function clientConfig({ endpoint }: Moto) {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return { endpoint, region: motoRegion, credentials, forcePathStyle: true };
}

/** A resource with only those properties that moto understands. */
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

/** An output that refers to a resource that is left out becomes the id of that resource. */
function resolvable(outputs: Record<string, Json>, deployed: Record<string, Json>): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, output]) => {
      const text = JSON.stringify(output.Value);
      const [, id] = /"(?:Ref|Fn::GetAtt)":\[?"([^"]+)"/.exec(text) ?? [];
      return [name, { Value: id === undefined || id in deployed || id.startsWith('AWS::') ? output.Value : id }];
    }),
  );
}
