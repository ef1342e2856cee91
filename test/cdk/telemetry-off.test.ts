import { expect, test } from 'vitest';
import { imageGptTemplate, type Properties } from './synthesize.ts';

const off = { Name: 'ORT_DISABLE_TELEMETRY', Value: '1' };

test.each([
  ['gpu', 1, 2],
  ['cpu', 1, 2],
  ['lambda', 0, 3],
])('tasks, jobs, functions and builds on %s turn off onnxruntime’s telemetry', (compute, taskCount, functionCount) => {
  const template = imageGptTemplate({ compute, batch: 'true', training: 'true', imageBuild: 'codebuild' });
  const all = (type: string): Properties[] =>
    Object.values(template.findResources(type)).map(({ Properties: properties }) => properties);

  const tasks = all('AWS::ECS::TaskDefinition').flatMap(({ ContainerDefinitions: containers }) => containers);
  expect(tasks).toHaveLength(taskCount);
  const jobs = all('AWS::Batch::JobDefinition').map(({ ContainerProperties: container }) => container);
  expect(jobs).toHaveLength(2);
  for (const { Environment: environment } of [...tasks, ...jobs]) expect(environment).toContainEqual(off);

  // Other functions have no model, and no onnxruntime.
  const functions = all('AWS::Lambda::Function').filter(({ Environment: given }) => given?.Variables.MODEL_ID);
  expect(functions).toHaveLength(functionCount);
  for (const { Environment: environment } of functions)
    expect(environment.Variables).toMatchObject({ [off.Name]: '1' });

  const builds = all('AWS::CodeBuild::Project').map(({ Source: source }) => JSON.stringify(source.BuildSpec));
  expect(builds).toHaveLength(2);
  for (const spec of builds) expect(spec).toContain('\\"ORT_DISABLE_TELEMETRY\\": \\"1\\"');
});
