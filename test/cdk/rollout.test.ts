import { describe, expect, test } from 'vitest';
import { capacityMinutes, proofMinutes } from '../../functions/rollout/judge-proof.ts';
import { rolloutEvent, workerContainer } from '../../lib/contracts/rollout.ts';
import { imageGptTemplate, type Properties, resource } from './synthesize.ts';

const type = 'Custom::WorkerRollout';

describe.each(['gpu', 'cpu'])('a deployment with compute=%s', (compute) => {
  const template = imageGptTemplate({ compute });
  const { id, properties } = resource(template, type);
  const dependencies: string[] = Object.values<Properties>(template.findResources(type))[0].DependsOn;
  const services = Object.entries<Properties>(template.findResources('AWS::ECS::Service'));
  const [definition = ''] = Object.keys(template.findResources('AWS::ECS::TaskDefinition'));

  test('proves the definition that the services get, before they get it', () => {
    expect(properties.TaskDefinition).toEqual({ Ref: definition });
    for (const [service, { Properties: given }] of services) {
      expect(given.TaskDefinition).toEqual({ Ref: definition });
      // The reference is also the order.
      expect(given.DesiredCount).toEqual({ 'Fn::GetAtt': [id, service] });
    }
    expect(properties.Services).toEqual(services.map(([service]) => service));
  });

  test('reads the number of tasks again whenever anything else of a service changes', () => {
    services.forEach(([, { Properties: given }], i) => {
      const { DesiredCount: _, ...rest } = given;

      expect(lowerCase(properties.ServiceProperties[i])).toEqual(lowerCase(rest));
    });
  });

  test('runs the proof when its model, policies, routes and capacity are there', () => {
    const needed = [
      /^ModelFilesCustomResource/,
      /WorkerTaskRoleDefaultPolicy/,
      /WorkerTaskDefinitionExecutionRoleDefaultPolicy/,
      /^NetworkVpcPublicSubnet1DefaultRoute/,
      /WorkerCluster/,
      ...(compute === 'gpu' ? [/WorkerSpotInstanceRoleDefaultPolicy/] : []),
    ];
    expect(needed.filter((pattern) => !dependencies.some((id) => pattern.test(id)))).toEqual([]);
    const onEvent = Object.entries<Properties>(template.findResources('AWS::Lambda::Function')).find(([name]) =>
      name.includes('RolloutProviderframeworkonEvent'),
    );
    expect(onEvent?.[1].DependsOn).toContainEqual(expect.stringMatching(/WorkerRolloutRoleDefaultPolicy/));
  });

  test('gives the function what it parses', () => {
    // CloudFormation passes flags as text, and references as their values.
    const given = JSON.parse(
      JSON.stringify({ ...properties, Prove: `${properties.Prove}` }),
      (_, value) => value?.Ref ?? value?.['Fn::GetAtt']?.join('.') ?? value,
    );

    expect(rolloutEvent.parse({ RequestType: 'Create', StackId: 'stack', ResourceProperties: given })).toMatchObject({
      ResourceProperties: {
        CapacityProvider: compute === 'gpu' ? expect.stringContaining('WorkerSpotCapacity') : 'FARGATE',
      },
    });
  });

  test('names the container of the definition', () => {
    const [container] = resource(template, 'AWS::ECS::TaskDefinition').properties.ContainerDefinitions;

    expect(container.Name).toBe(workerContainer);
    expect(container.LogConfiguration.Options['awslogs-stream-prefix']).toBe('worker');
    expect(properties.LogGroup).toEqual(container.LogConfiguration.Options['awslogs-group']);
  });

  test('prints how the proof ended', () => {
    template.hasOutput('WorkerProof', { Value: { 'Fn::GetAtt': [id, 'Proof'] } });
  });

  test('can do without the proof, but keeps the number of tasks', () => {
    const without = resource(imageGptTemplate({ compute, proveDeployment: 'false' }), type);

    expect([properties.Prove, without.properties.Prove]).toEqual([true, false]);
    expect(without.properties.Services).toEqual(properties.Services);
  });
});

test('a proof ends before CDK’s provider gives up, and before the cost brake would be pulled', () => {
  const template = imageGptTemplate();
  const machine = Object.entries(template.findResources('AWS::StepFunctions::StateMachine')).find(([id]) =>
    id.includes('Rollout'),
  );
  const [, seconds, attempts] =
    /IntervalSeconds":(\d+),"MaxAttempts":(\d+)/.exec(JSON.stringify(machine).replaceAll('\\', '')) ?? [];
  const brake = resource(template, 'AWS::CloudWatch::Alarm', 'AlarmsCostBrake').properties;

  expect((Number(seconds) * Number(attempts)) / 60).toBe(40);
  expect(proofMinutes).toBeLessThan(40);
  expect(proofMinutes).toBeLessThan(brake.EvaluationPeriods * 5);
});

test('a proof that waits for Spot never starts an on-demand task', () => {
  const { EvaluationPeriods: minutes } = resource(
    imageGptTemplate(),
    'AWS::CloudWatch::Alarm',
    'ScalingNoSpot',
  ).properties;

  // Polls are 15 s apart, and the metric is minutes late.
  expect(capacityMinutes + 2).toBeLessThan(minutes);
});

/** The same with keys in lower case: CDK and CloudFormation begin them differently. */
function lowerCase(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll(/"(\w+)":/g, (_, key: string) => `"${key.toLowerCase()}":`));
}
