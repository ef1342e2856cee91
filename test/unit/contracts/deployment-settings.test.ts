import { describe, expect, test } from 'vitest';
import { DeploymentConfigError, readDeploymentConfig } from '../../../lib/contracts/deployment-settings.ts';

function faults(context: Record<string, unknown>): readonly string[] {
  try {
    readDeploymentConfig(context);
  } catch (error) {
    if (error instanceof DeploymentConfigError) return error.faults;
    throw error;
  }
  return [];
}

test('by default igpt-nano runs on GPU instances', () => {
  expect(readDeploymentConfig({})).toEqual({
    stackName: 'ImageGpt',
    compute: 'gpu',
    model: 'lib/models/igpt-nano',
    precision: 'f32',
    scaledDecoding: false,
    training: false,
    batch: false,
    batchTasks: 4,
    allowSvg: false,
    maxMegabytes: 50,
    maxMegapixels: 100,
    architecture: 'arm64',
    preprocessConcurrency: 6,
    proveDeployment: true,
    backfillConcurrency: 2,
    inferMemory: 3008,
    inferConcurrency: 4,
    inferReserved: false,
    maxTasks: 4,
    messagesPerTask: 50,
    instanceTypes: ['g6.xlarge', 'g5.xlarge', 'g4dn.xlarge'],
    imageBuild: 'docker',
    logRetentionDays: 30,
  });
});

test('a new account can run all functions of compute=lambda at once: 2 + 2 + 4 of 10', () => {
  const config = readDeploymentConfig({ compute: 'lambda' });

  expect(config).toMatchObject({ preprocessConcurrency: 2, backfillConcurrency: 2, inferConcurrency: 4 });
  expect(readDeploymentConfig({ compute: 'lambda', preprocessConcurrency: '6' }).preprocessConcurrency).toBe(6);
  expect(readDeploymentConfig({ compute: 'cpu' }).preprocessConcurrency).toBe(6);
});

test.each([
  ['inferMemory', 1023, 1024, 10_240, 10_241],
  ['inferConcurrency', 1, 2, 1000, 1001],
])('%s is between what Lambda offers', (name, below, least, most, above) => {
  const expected = `${name}: expected a whole number from ${least} to ${most}; received `;

  expect(faults({ compute: 'lambda', [name]: below })).toEqual([`${expected}${below}`]);
  expect(faults({ compute: 'lambda', [name]: String(above) })).toEqual([`${expected}"${above}"`]);
  for (const value of [least, most]) expect(faults({ compute: 'lambda', [name]: value })).toEqual([]);
});

test('settings may be text, as on the command line, or typed values, as in cdk.json', () => {
  const typed = { maxTasks: 8, allowSvg: true, outputs: ['features', 'likelihood'], featureLayer: 0 };
  const text = { maxTasks: '8', allowSvg: 'true', outputs: 'features, likelihood', featureLayer: '0' };

  expect(readDeploymentConfig(text)).toEqual(readDeploymentConfig(typed));
});

test('the error has every fault with the received value', () => {
  const context = {
    compute: 'tpu',
    outputs: 'classes',
    precision: 'int8',
    inputBucket: 'Ümlaut',
    maxTasks: '0',
    alarmEmail: 'nobody',
    logRetentionDays: 31,
  };

  expect(faults(context)).toEqual([
    'compute: expected gpu, cpu or lambda; received "tpu"',
    'outputs: expected some of classification, features, likelihood, separated by commas; received "classes"',
    'precision: expected f32 or f16; received "int8"',
    'inputBucket: expected the name of an S3 bucket; received "Ümlaut"',
    'maxTasks: expected a whole number from 1 to 20; received "0"',
    'alarmEmail: expected a mail address; received "nobody"',
    'logRetentionDays: expected one of 1, 3, 5, 7, 14, 30, 60, 90, 180, 365, which CloudWatch Logs offers; received 31',
  ]);
});

test('the error’s message has a fault per line', () => {
  expect(() => readDeploymentConfig({ compute: 'tpu', maxTasks: -1 })).toThrow(
    'The deployment’s configuration has 2 faults:\n  compute: expected gpu, cpu or lambda; received "tpu"\n  maxTasks: ',
  );
});

test('an unknown setting is refused; the error lists the known ones', () => {
  expect(faults({ comptue: 'cpu' })).toEqual([
    expect.stringMatching(/^comptue: expected one of stackName, account, region, compute,/),
  ]);
});

test('CDK’s own context entries are no settings', () => {
  const context = {
    '@aws-cdk/core:checkSecretUsage': true,
    'aws:cdk:bundling-stacks': [],
    'availability-zones:account=1:region=us-east-1': ['us-east-1a'],
  };

  expect(faults(context)).toEqual([]);
});

test.each(['inputBucket', 'outputBucket'])('a directory bucket is refused as %s', (name) => {
  expect(faults({ [name]: 'pictures--use1-az4--x-s3' })).toEqual([
    expect.stringContaining('received a directory bucket (they list out of order)'),
  ]);
});

test('a model in S3 needs its id, because the deployment does not read it', () => {
  expect(faults({ model: 's3://models/igpt-s' })).toEqual([
    expect.stringMatching(/^modelId: expected the id of the model with an s3:\/\/ location.*received nothing$/),
  ]);
  expect(faults({ model: 's3://models/igpt-s', modelId: 'igpt-s-0123456789ab' })).toEqual([]);
});

test('a model id without its hash is refused', () => {
  expect(faults({ model: 's3://models/igpt-s', modelId: 'igpt-s' })).toEqual([
    'modelId: expected a name, a hyphen and 12 hex digits; received "igpt-s"',
  ]);
});

test('a model in S3 must be a prefix, not a bucket', () => {
  expect(faults({ model: 's3://models', modelId: 'm-0123456789ab' })).toEqual([
    'model: expected a directory or s3://bucket/prefix; received "s3://models"',
  ]);
});

test('input and output must be different buckets', () => {
  expect(faults({ inputBucket: 'pictures', outputBucket: 'pictures' })).toEqual([
    expect.stringMatching(/^outputBucket: expected another bucket than inputBucket/),
  ]);
});

test.each([
  ['outputBucket', 'imagegpt-storageinput0a1b2c3d-k4x9qk2mtz0a', 'input'],
  ['inputBucket', 'my-other-stack-storageoutput0a1b2c3d-k4x9qk2mtz0a', 'output'],
])('%s cannot be %s, which a stack made for its %s', (name, bucket, role) => {
  expect(() => readDeploymentConfig({ [name]: bucket })).toThrow(`this is the ${role} bucket of a stack`);
});

test('the buckets of an earlier stack may be used again, each in its role', () => {
  const inputBucket = 'imagegpt-storageinput0a1b2c3d-k4x9qk2mtz0a';
  const outputBucket = 'imagegpt-storageoutput0a1b2c3d-k4x9qk2mtz0a';

  expect(readDeploymentConfig({ inputBucket, outputBucket })).toMatchObject({ inputBucket, outputBucket });
});

test.each(['pictures-4x9qk2mtz0a-s3alias', 'pictures--ol-s3', 'pictures.mrap', 'pictures--table-s3'])(
  '%s is refused, because it may be another name of the same bucket',
  (outputBucket) => {
    expect(() => readDeploymentConfig({ inputBucket: 'pictures', outputBucket })).toThrow(
      'outputBucket: expected the name of the bucket itself',
    );
  },
);

test('a KMS key needs an existing bucket', () => {
  const inputKmsKey = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';

  expect(faults({ inputKmsKey })).toEqual([expect.stringMatching(/^inputKmsKey: expected inputBucket too/)]);
  expect(faults({ inputKmsKey, inputBucket: 'pictures' })).toEqual([]);
  expect(faults({ outputKmsKey: inputKmsKey })).toEqual([
    expect.stringMatching(/^outputKmsKey: expected outputBucket/),
  ]);
  expect(faults({ outputKmsKey: inputKmsKey, outputBucket: 'outcomes' })).toEqual([]);
});

test.each(['alias/outcomes', 'arn:aws:kms:eu-central-1:123456789012:alias/outcomes', '1234abcd-12ab'])(
  'a KMS key cannot be given as %s, which a policy cannot name',
  (outputKmsKey) => {
    expect(faults({ outputKmsKey, outputBucket: 'outcomes' })).toEqual([
      expect.stringMatching(/^outputKmsKey: expected the ARN of a KMS key, not of an alias/),
    ]);
  },
);

test('an instance type that the worker does not run on is refused', () => {
  expect(faults({ instanceTypes: 'g6.xlarge,p5.48xlarge' })).toEqual([
    expect.stringContaining('expected sizes of g6, g5 or g4dn'),
  ]);
});

describe('account and region', () => {
  const here = { account: '123456789012', region: 'eu-west-1' };

  test('belong together', () => {
    expect(faults({ account: here.account })).toEqual([expect.stringMatching(/^region: expected both/)]);
    expect(faults({ region: here.region })).toEqual([expect.stringMatching(/^account: expected both/)]);
    expect(faults({ account: '12345', region: 'Ireland' })).toHaveLength(2);
  });

  test('leave out default instance types that the region lacks', () => {
    expect(readDeploymentConfig(here).instanceTypes).toEqual(['g5.xlarge', 'g4dn.xlarge']);
    expect(readDeploymentConfig({}, 'eu-west-1').instanceTypes).toEqual(['g5.xlarge', 'g4dn.xlarge']);
    expect(readDeploymentConfig(here, 'us-east-1').instanceTypes).toEqual(['g5.xlarge', 'g4dn.xlarge']);
  });

  test('keep types that the user names, because the table may be older than the region’s offer', () => {
    expect(readDeploymentConfig({ ...here, instanceTypes: 'g6.xlarge' }).instanceTypes).toEqual(['g6.xlarge']);
  });

  test('of a region without any GPU of the worker are refused, unless it needs none', () => {
    expect(() => readDeploymentConfig({ ...here, region: 'ca-west-1' })).toThrow(
      'instanceTypes: ca-west-1 has none of g6.xlarge, g5.xlarge, g4dn.xlarge as far as we know; deploy with compute=cpu',
    );
    expect(faults({ ...here, region: 'ca-west-1', compute: 'cpu' })).toEqual([]);
  });

  test('are those of the buckets’ keys', () => {
    const outputKmsKey = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd';
    expect(faults({ ...here, outputBucket: 'outcomes', outputKmsKey })).toEqual([
      expect.stringMatching(/^outputKmsKey: expected a key in eu-west-1/),
    ]);
  });
});

test('a base image has a tag, and may have a digest behind it', () => {
  const image = 'mirror.example:5000/node:24-bookworm-slim';
  const pinned = `${image}@sha256:${'a'.repeat(64)}`;

  expect(readDeploymentConfig({ nodeImage: image, cudaImage: pinned })).toMatchObject({
    nodeImage: image,
    cudaImage: pinned,
  });
  expect(faults({ nodeImage: 'node' })).toEqual(['nodeImage: expected an image with its tag; received "node"']);
});

describe('maxUsdPerDay', () => {
  test.each([
    [5, 5],
    ['7.50', 7.5],
    ['0.1', 0.1],
    [100_000, 100_000],
  ])('%j is %d USD', (given, usd) => {
    expect(readDeploymentConfig({ maxUsdPerDay: given }).maxUsdPerDay).toBe(usd);
  });

  test.each([0, '0', '0.09', -5, '5 USD', '5,50', '1e3', '', 'NaN', 100_001, 0.125, '٥', true, null])(
    'is not %j',
    (given) => {
      expect(faults({ maxUsdPerDay: given })).toEqual([
        `maxUsdPerDay: expected an amount in USD from 0.1 to 100000 with at most two decimals, for instance 5 or 7.50; received ${JSON.stringify(given)}`,
      ]);
    },
  );

  test('needs instance types whose price is known', () => {
    const instanceTypes = 'g5.xlarge,g5.48xlarge';

    expect(faults({ maxUsdPerDay: 5, instanceTypes })).toEqual([
      expect.stringMatching(
        /^instanceTypes: expected instance types with a known price .*g6\.xlarge.*, not g5\.48xlarge; /,
      ),
    ]);
    expect(faults({ maxUsdPerDay: 5, instanceTypes, compute: 'cpu' })).toEqual([]);
    expect(faults({ instanceTypes })).toEqual([]);
  });
});
