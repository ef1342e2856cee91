import { stackOutputs } from '../../lib/contracts/stack-outputs.ts';
import { writeOutputs } from './deployed-in-moto.ts';
import type { FakeBatch } from './fake-batch.ts';
import { type Moto, motoAccount, motoRegion } from './moto.ts';
import type { TemplateStack } from './template-stack.ts';

/**
 * Lets the commands find the batch jobs of a template stack: gives the fake the environment of the template's job
 * definition, and writes the stack's outputs. Resources that the emulator does not have get an ARN of nothing.
 */
export async function deployBatch(
  moto: Moto,
  stackName: string,
  stack: TemplateStack,
  { definition }: FakeBatch,
): Promise<void> {
  const { ContainerProperties: container } = stack.properties('AWS::Batch::JobDefinition', 'BatchDefinition');
  for (const { Name, Value } of container.Environment) definition[Name] = stack.resolve(Value);
  const outputOrDummy = (name: string): string => {
    try {
      return stack.output(name);
    } catch {
      return `arn:aws:sns:${motoRegion}:${motoAccount}:${name}`;
    }
  };
  const names = Object.values(stackOutputs).filter((name) => !/^(CostBrake|Training|OnDemand)/.test(name));
  await writeOutputs(moto, stackName, Object.fromEntries(names.map((name) => [name, outputOrDummy(name)])));
}
