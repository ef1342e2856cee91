import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import {
  inferEnvironment,
  jobDefinition,
  jobEnvironment,
  limitEnvironment,
  preprocessEnvironment,
  trainEnvironment,
  workerEnvironment,
} from '../../lib/contracts/environment.ts';
import { imageGptTemplate, type Properties, resource } from './synthesize.ts';

const everySetting = {
  outputs: 'features',
  featureLayer: 3,
  featureNorm: 'raw',
  input: 'sos',
  batch: 'true',
  maxUsdPerDay: 5,
  training: 'true',
};
const template = imageGptTemplate(everySetting);

/** Variables that the runtime, the SDK, Powertools or onnxruntime read. */
const platform = ['AWS_REGION', 'ORT_DISABLE_TELEMETRY', 'POWERTOOLS_METRICS_NAMESPACE', 'TMPDIR', 'XDG_CACHE_HOME'];

const processes = [
  {
    process: 'preprocess',
    schema: preprocessEnvironment.shape,
    set: Object.keys(resource(template, 'AWS::Lambda::Function', 'PreprocessHandler').properties.Environment.Variables),
    atSubmission: [],
  },
  {
    process: 'the worker',
    schema: workerEnvironment.shape,
    set: names(resource(template, 'AWS::ECS::TaskDefinition').properties.ContainerDefinitions[0]),
    atSubmission: [],
  },
  {
    process: 'the inference function',
    schema: inferEnvironment.shape,
    set: Object.keys(
      resource(imageGptTemplate({ ...everySetting, compute: 'lambda' }), 'AWS::Lambda::Function', 'InferHandler')
        .properties.Environment.Variables,
    ),
    atSubmission: [],
  },
  {
    process: 'a data-set job',
    // `igpt batch submit` reads the variables of jobDefinition.
    schema: { ...jobEnvironment.shape, ...jobDefinition.shape },
    set: names(job(template, 'Batch')),
    atSubmission: ['BATCH_OUT', 'BATCH_MAX_FAILURE_RATE', 'AWS_BATCH_JOB_ARRAY_INDEX'],
  },
  {
    process: 'a training',
    schema: trainEnvironment.shape,
    set: names(job(template, 'Training')),
    atSubmission: ['TRAIN_OUT', 'TRAIN_MODEL', 'TRAIN_ARGUMENTS'],
  },
  {
    process: 'the daily limit',
    schema: limitEnvironment.shape,
    set: Object.keys(resource(template, 'AWS::Lambda::Function', 'DailyLimitHandler').properties.Environment.Variables),
    atSubmission: [],
  },
];

describe.each(processes)('the environment of $process', ({ schema, set, atSubmission }) => {
  test('has no variable that neither the stack nor a submission sets', () => {
    expect(Object.keys(schema).filter((name) => !set.includes(name))).toEqual(atSubmission);
  });

  test('has every variable that the stack sets', () => {
    expect(set.filter((name) => !(name in schema) && !platform.includes(name))).toEqual([]);
  });
});

function job(of: Template, name: string): Properties {
  return resource(of, 'AWS::Batch::JobDefinition', `${name}Definition`).properties.ContainerProperties;
}

function names({ Environment: variables }: Properties): string[] {
  return variables.map(({ Name }: Properties) => Name);
}
