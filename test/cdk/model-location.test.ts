import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeploymentConfigError, readDeploymentConfig } from '../../cdk/deployment-config.ts';
import { computeModelId } from '../../cdk/model-id.ts';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { modelId } from '../../lib/checkpoint/model-id.ts';
import { imageGptApp, imageGptTemplate, resource } from './synthesize.ts';

const root = join(import.meta.dirname, '../..');
const nano = join(root, 'lib/models/igpt-nano');

describe('the id', () => {
  test('is the one that a worker with the same settings computes', async () => {
    const config = readDeploymentConfig({
      outputs: 'features',
      featureLayer: 2,
      featureNorm: 'raw',
      scaledDecoding: true,
    });
    const expected = await modelId(await openCheckpoint(nano), {
      precision: 'f32',
      outputs: ['features'],
      featureLayer: 2,
      featureNorm: 'raw',
      scaledDecoding: true,
    });

    expect(computeModelId(nano, config)).toBe(expected);
  });

  test('changes with a setting that changes results', () => {
    expect(computeModelId(nano, readDeploymentConfig({}))).not.toBe(
      computeModelId(nano, readDeploymentConfig({ outputs: 'features' })),
    );
  });

  test.each([
    ['no checkpoint is', 'lib/models', {}, /^model: .*config\.json/],
    ['the checkpoint has no such layer', 'lib/models/igpt-nano', { featureLayer: 99 }, /^model: .*99/],
  ])('where %s, the deployment says so', (_, directory, settings, fault) => {
    let faults: readonly string[] = [];
    try {
      computeModelId(join(root, directory), readDeploymentConfig(settings));
    } catch (error) {
      if (error instanceof DeploymentConfigError) faults = error.faults;
    }

    expect(faults).toEqual([expect.stringMatching(fault)]);
  });
});

describe('a checkpoint of this machine', () => {
  const template = imageGptTemplate();

  test('goes to a place of its own, whose last part is its name', () => {
    expect(resource(template, 'Custom::CDKBucketDeployment').properties).toMatchObject({
      DestinationBucketName: { Ref: resource(template, 'AWS::S3::Bucket', 'StorageOutput').id },
      DestinationBucketKeyPrefix: 'models/hf16-0123456789ab/hf16',
    });
  });

  test('stays when another one comes, for tasks that still run it and for going back', () => {
    template.hasResourceProperties('Custom::CDKBucketDeployment', { Prune: false, RetainOnDelete: true });
  });

  test('is there before a function takes its first message', () => {
    const deployment = resource(template, 'Custom::CDKBucketDeployment').id;

    template.allResources('AWS::Lambda::EventSourceMapping', { DependsOn: Match.arrayWith([deployment]) });
  });
});

describe('what is deployed of a folder', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hub-cache-'));
    for (const file of ['config.json', 'model.safetensors', 'preprocessor_config.json', 'README.md']) {
      symlinkSync(join(nano, file), join(folder, file));
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('are the JSON files and the weights, through the links of a hub cache', () => {
    const { app } = imageGptApp({ model: folder, modelId: 'igpt-nano-0123456789ab' });
    const { directory } = app.synth();
    const deployed = readdirSync(directory)
      .map((name) => join(directory, name))
      .filter((path) => existsSync(join(path, 'model.safetensors')));

    expect(deployed).toHaveLength(1);
    expect(readdirSync(deployed[0] ?? '').toSorted()).toEqual([
      'config.json',
      'model.safetensors',
      'preprocessor_config.json',
    ]);
  });
});
