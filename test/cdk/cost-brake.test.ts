import { expect, test } from 'vitest';
import { resourceName } from '../support/resource-name.ts';
import { imageGptTemplate, type Properties, resource } from './synthesize.ts';

const template = imageGptTemplate();
const lambda = imageGptTemplate({ compute: 'lambda' });

test('the cost brake is pulled when its alarm starts', () => {
  expect(resource(template, 'AWS::CloudWatch::Alarm', 'AlarmsCostBrake').properties.AlarmName).toBe(
    'ImageGpt-CostBrake',
  );
  expect(resource(template, 'AWS::Events::Rule').properties).toMatchObject({
    EventPattern: {
      source: ['aws.cloudwatch'],
      'detail-type': ['CloudWatch Alarm State Change'],
      detail: { alarmName: ['ImageGpt-CostBrake', 'ImageGpt-StorageDenied'], state: { value: ['ALARM'] } },
    },
    State: 'ENABLED',
    Targets: [{ Arn: { Ref: resource(template, 'AWS::StepFunctions::StateMachine', 'CostBrakeHold').id } }],
  });
});

test('it stops scaling, tasks and intake, then ends tasks that were woken meanwhile', () => {
  expect(calls('CostBrakeHold')).toEqual([
    ['applicationautoscaling:registerScalableTarget', { DynamicScalingOutSuspended: true }],
    ['applicationautoscaling:registerScalableTarget', { DynamicScalingOutSuspended: true }],
    ['ecs:updateService', 0],
    ['ecs:updateService', 0],
    ['lambda:updateEventSourceMapping', false],
    ['lambda:updateEventSourceMapping', false],
    ['Wait', 300],
    ['ecs:updateService', 0],
    ['ecs:updateService', 0],
  ]);
});

test('with compute=lambda it stops and resumes the deliveries to all three functions, and waits for no task', () => {
  expect(calls('CostBrakeHold', lambda)).toEqual(Array(3).fill(['lambda:updateEventSourceMapping', false]));
  expect(calls('CostBrakeRelease', lambda)).toEqual(Array(3).fill(['lambda:updateEventSourceMapping', true]));
  const mappings = states('CostBrakeHold', lambda).map(({ Parameters: { Uuid } }) => resourceName(Uuid.split('.')[0]));
  expect(mappings.toSorted()).toEqual(['BackfillMessages', 'InferMessages', 'PreprocessMessages']);
});

test('tasks may still end while it is pulled: only scaling out is suspended', () => {
  const [first] = states('CostBrakeHold');

  expect(first.Parameters.SuspendedState).toEqual({ DynamicScalingOutSuspended: true });
  expect(first.Parameters).not.toHaveProperty('MaxCapacity');
});

test('a failed step does not stop the later ones, and is reported at the end', () => {
  const machine = definition('CostBrakeHold');
  const tasks = Object.values<Properties>(machine.States).filter(({ Type: type }) => type === 'Task');

  for (const { Next, Catch } of tasks) {
    expect(Catch).toEqual([{ ErrorEquals: ['States.ALL'], Next, ResultPath: '$.failed' }]);
  }
  expect(machine.States.AllHeld).toMatchObject({
    Type: 'Choice',
    Choices: [{ Variable: '$.failed', IsPresent: true, Next: 'NotAllHeld' }],
    Default: 'Held',
  });
  expect([machine.States.NotAllHeld.Type, machine.States.Held.Type]).toEqual(['Fail', 'Succeed']);
});

test('releasing it allows everything again, and starts no task itself', () => {
  expect(calls('CostBrakeRelease')).toEqual([
    ['applicationautoscaling:registerScalableTarget', { DynamicScalingOutSuspended: false }],
    ['applicationautoscaling:registerScalableTarget', { DynamicScalingOutSuspended: false }],
    ['lambda:updateEventSourceMapping', true],
    ['lambda:updateEventSourceMapping', true],
  ]);
  template.hasOutput('CostBrakeReleaseArn', {
    Value: { Ref: resource(template, 'AWS::StepFunctions::StateMachine', 'CostBrakeRelease').id },
  });
});

test('every call is retried while a service or mapping is changing', () => {
  for (const state of states('CostBrakeHold').filter(({ Type: type }) => type === 'Task')) {
    expect(state.Retry).toEqual([{ ErrorEquals: ['States.ALL'], IntervalSeconds: 10, MaxAttempts: 6, BackoffRate: 2 }]);
  }
});

/** The calls of a machine with the new state that they set, in order. */
function calls(machine: string, of = template): [string, unknown][] {
  return states(machine, of).map(({ Type: type, Resource: called, Parameters: given = {}, Seconds: seconds }) =>
    type === 'Wait'
      ? [type, seconds]
      : [called.replace(/^.*aws-sdk:/, ''), given.SuspendedState ?? given.DesiredCount ?? given.Enabled],
  );
}

/** The calls and waits of a machine, in order. */
function states(machine: string, of = template): Properties[] {
  const { StartAt: start, States: all } = definition(machine, of);
  const ordered = [all[start]];
  for (let state = all[start]; state.Next !== undefined; state = all[state.Next]) ordered.push(all[state.Next]);
  return ordered.filter(({ Type: type }) => type !== 'Choice');
}

/** Definition of a machine, with logical ids in place of references. */
function definition(machine: string, of = template): Properties {
  const { DefinitionString: joined } = resource(of, 'AWS::StepFunctions::StateMachine', machine).properties;
  const parts: Properties[] = joined['Fn::Join'][1];
  const text = parts.map((part) => (typeof part === 'string' ? part : (part.Ref ?? part['Fn::GetAtt'].join('.'))));
  return JSON.parse(text.join(''));
}
