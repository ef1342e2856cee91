import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { computeModelId } from '../../cdk/model.ts';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { modelId } from '../../lib/checkpoint/model-id.ts';
import { DeploymentConfigError, readDeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import { imageGptApp, imageGptTemplate, resource } from './synthesize.ts';

const root = join(import.meta.dirname, '../..');
const nano = join(root, 'lib/models/igpt-nano');

describe('the model id', () => {
  test('is what a worker with the same settings computes', async () => {
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

  test('changes with plain tokens for the classes, and not with the variable INPUT of this machine', () => {
    const own = computeModelId(nano, readDeploymentConfig({}));

    expect(computeModelId(nano, readDeploymentConfig({ input: 'sos' }))).toBe(own);
    expect(computeModelId(nano, readDeploymentConfig({ input: 'plain' }))).not.toBe(own);
    vi.stubEnv('INPUT', 'plain');
    expect(computeModelId(nano, readDeploymentConfig({}))).toBe(own);
    vi.unstubAllEnvs();
  });

  test('changes with a setting that changes results', () => {
    expect(computeModelId(nano, readDeploymentConfig({}))).not.toBe(
      computeModelId(nano, readDeploymentConfig({ outputs: 'features' })),
    );
  });

  test('depends on the setting of the precision, and not on the machine’s variables', () => {
    const f32 = computeModelId(nano, readDeploymentConfig({}));

    vi.stubEnv('OUTPUTS', 'features');
    vi.stubEnv('PRECISION', 'f16');
    expect(computeModelId(nano, readDeploymentConfig({}))).toBe(f32);
    vi.unstubAllEnvs();
    expect(computeModelId(nano, readDeploymentConfig({ precision: 'f16' }))).not.toBe(f32);
  });

  test.each([
    ['there is no checkpoint', 'lib/models', {}, /^model: .*config\.json/],
    ['the checkpoint has no such layer', 'lib/models/igpt-nano', { featureLayer: 99 }, /^model: .*99/],
  ])('is refused when %s', (_, directory, settings, fault) => {
    let faults: readonly string[] = [];
    try {
      computeModelId(join(root, directory), readDeploymentConfig(settings));
    } catch (error) {
      if (error instanceof DeploymentConfigError) faults = error.faults;
    }

    expect(faults).toEqual([expect.stringMatching(fault)]);
  });
});

describe('a checkpoint directory', () => {
  const template = imageGptTemplate();

  test('is copied to a place of its own, whose last part is its name', () => {
    expect(resource(template, 'Custom::CDKBucketDeployment').properties).toMatchObject({
      DestinationBucketName: { Ref: resource(template, 'AWS::S3::Bucket', 'StorageOutput').id },
      DestinationBucketKeyPrefix: 'models/0123456789ab/hf16',
    });
  });

  test('may have a name of 64 characters', () => {
    const name = 'x'.repeat(64);
    const long = imageGptTemplate({ modelId: `${name}-0123456789ab` });

    expect(resource(long, 'Custom::CDKBucketDeployment').properties).toMatchObject({
      DestinationBucketKeyPrefix: `models/0123456789ab/${name}`,
    });
  });

  test('stays when another model is deployed, for running tasks and rollbacks', () => {
    template.hasResourceProperties('Custom::CDKBucketDeployment', { Prune: false, RetainOnDelete: true });
  });

  test('is copied before a function or task starts with it', () => {
    const deployment = resource(template, 'Custom::CDKBucketDeployment').id;

    for (const type of ['AWS::Lambda::EventSourceMapping', 'AWS::ECS::Service']) {
      template.allResources(type, { DependsOn: Match.arrayWith([deployment]) });
    }
    for (const name of ['PreprocessHandler', 'BackfillHandler']) {
      const { id } = resource(template, 'AWS::Lambda::Function', name);
      const { [id]: handler } = template.findResources('AWS::Lambda::Function');
      expect(handler).toMatchObject({ DependsOn: expect.arrayContaining([deployment]) });
    }
  });
});

test('a directory without a checkpoint is refused, even when its id is given', () => {
  expect(() => imageGptApp({ model: 'no/such', modelId: 'igpt-l-0123456789ab' })).toThrow(
    /^The deployment’s configuration has 1 fault:\n {2}model: expected a checkpoint directory; found no config\.json in .*no\/such$/,
  );
});

describe('a checkpoint that is too large to upload', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'large-'));
    writeFileSync(join(folder, 'config.json'), '{}');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ['a file above 2 GiB', [2 ** 31], /2\.1 GB, the largest file 2\.1 GB/],
    ['more than 5 GB', [1.8e9, 1.8e9, 1.8e9], /5\.4 GB, the largest file 1\.8 GB/],
  ])('with %s is refused, with the commands that upload it', (_, sizes, words) => {
    sizes.forEach((size, i) => {
      const file = join(folder, `model-${i}.safetensors`);
      // A sparse file, which takes no disk.
      writeFileSync(file, '');
      truncateSync(file, size);
    });
    const synthesis = () => imageGptApp({ model: folder, modelId: 'igpt-l-0123456789ab' });

    expect(synthesis).toThrow(DeploymentConfigError);
    expect(synthesis).toThrow(words);
    expect(synthesis).toThrow(
      `aws s3 cp --recursive ${folder} s3://BUCKET/igpt-l/) and deploy with -c model=s3://BUCKET/igpt-l -c modelId=igpt-l-0123456789ab`,
    );
  });
});

describe('the deployed files of a folder', () => {
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
