import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { type DockerAsset, readDockerAssets } from '../support/docker-assets.ts';
import { imageGptApp, imageGptTemplate, resource } from './synthesize.ts';

const root = join(import.meta.dirname, '../..');

/** Docker images that the deployment builds. */
const dockerImages = (context: Record<string, unknown> = {}) =>
  readDockerAssets(imageGptApp(context).app.synth().directory);

/** The only one. */
function dockerImage(context: Record<string, unknown> = {}): DockerAsset {
  const [image, ...others] = dockerImages(context);
  expect(others).toEqual([]);
  if (image === undefined) throw new RangeError('Expected a Docker image, found none.');
  return image;
}

describe('built where cdk deploy runs', () => {
  test.each([
    ['gpu', 'cuda'],
    ['cpu', 'cpu'],
  ])('the image for %s is the target %s of the Dockerfile, for x86-64', (compute, dockerBuildTarget) => {
    expect(dockerImage({ compute }).source).toMatchObject({
      dockerFile: 'functions/worker/Dockerfile',
      dockerBuildTarget,
      platform: 'linux/amd64',
    });
  });

  test('the checksum of the CUDA library is a build argument', () => {
    const cudaLibrarySha256 = 'ab'.repeat(32);
    const { source } = dockerImage({ cudaLibrarySha256 });

    expect(source.dockerBuildArgs).toEqual({ CUDA_LIBRARY_SHA256: cudaLibrarySha256 });
  });

  test('base images may be those of a mirror', () => {
    const images = {
      nodeImage: 'mirror.example/node:24-bookworm-slim',
      cudaImage: 'mirror.example/nvidia/cuda:13.0.3',
    };
    const { source } = dockerImage(images);

    expect(source.dockerBuildArgs).toEqual({ NODE_IMAGE: images.nodeImage, CUDA_IMAGE: images.cudaImage });
  });

  test('the build gets every file that workers and data-set jobs import, and neither models nor tests', async () => {
    const { folder } = dockerImage();
    const { metafile } = await build({
      entryPoints: [
        'functions/worker/main.ts',
        'functions/worker/prove.ts',
        'lib/runtime/model-thread.ts',
        'functions/batch/main.ts',
        'lib/decode/decode-child.ts',
      ],
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      write: false,
      outdir: 'never-written',
      metafile: true,
      absWorkingDir: root,
    });
    const imported = Object.keys(metafile.inputs);

    expect(imported.length).toBeGreaterThan(20);
    expect(imported.filter((file) => !existsSync(join(folder, file)))).toEqual([]);
    expect(readdirSync(folder).toSorted()).toEqual(['functions', 'lib', 'package-lock.json', 'package.json']);
    for (const absent of [
      'lib/models',
      'lib/cli',
      'lib/operate',
      'lib/report',
      'functions/preprocess',
      'functions/infer',
      'functions/rollout',
    ]) {
      expect(existsSync(join(folder, absent)), absent).toBe(false);
    }
  });
});

describe('built in the account', () => {
  const template = imageGptTemplate({ imageBuild: 'codebuild', cudaLibrarySha256: 'ab'.repeat(32) });

  test('no image is built by Docker on the deploying machine', () => {
    expect(dockerImages({ imageBuild: 'codebuild' })).toEqual([]);
  });

  test('a deployment starts the build, and the services wait until it ends', () => {
    const waited = resource(template, 'AWS::CloudFormation::WaitCondition').id;
    const start = resource(template, 'Custom::AWS').id;

    template.hasResource('AWS::CloudFormation::WaitCondition', { DependsOn: Match.arrayWith([start]) });
    template.allResources('AWS::ECS::Service', { DependsOn: Match.arrayWith([waited]) });
  });

  test('it may start only this build', () => {
    const { PolicyDocument: document } = resource(
      template,
      'AWS::IAM::Policy',
      'WorkerImageBuildStartCustomResourcePolicy',
    ).properties;

    expect(document.Statement).toEqual([
      {
        Effect: 'Allow',
        Action: 'codebuild:StartBuild',
        Resource: { 'Fn::GetAtt': [resource(template, 'AWS::CodeBuild::Project').id, 'Arn'] },
      },
    ]);
  });

  test('the build has target and checksum, and reports how it ended', () => {
    const { Source: source, Environment: environment } = resource(template, 'AWS::CodeBuild::Project').properties;
    const spec = JSON.stringify(source.BuildSpec);

    expect(environment.PrivilegedMode).toBe(true);
    expect(spec).toContain('--target cuda');
    expect(spec).toContain(`--build-arg CUDA_LIBRARY_SHA256=${'ab'.repeat(32)}`);
    expect(spec).toContain('$WAIT_URL');
    // Each attestation would count as an image of the repository.
    expect(spec).toContain('BUILDX_NO_DEFAULT_ATTESTATIONS');
  });

  test('the repository is deleted with the stack; it scans its images, and keeps the deployed one however many come after', () => {
    template.hasResource('AWS::ECR::Repository', {
      DeletionPolicy: 'Delete',
      Properties: Match.objectLike({
        EmptyOnDelete: true,
        ImageTagMutability: 'IMMUTABLE',
        ImageScanningConfiguration: { ScanOnPush: true },
      }),
    });
    const { LifecyclePolicy: policy } = resource(template, 'AWS::ECR::Repository').properties;
    const [kept, others] = JSON.parse(policy.LifecyclePolicyText).rules;
    const image = JSON.stringify(
      resource(template, 'AWS::ECS::TaskDefinition').properties.ContainerDefinitions[0].Image,
    );
    expect(image).toContain(`:${kept.selection.tagPrefixList[0]}"`);
    expect(kept).toMatchObject({ rulePriority: 1, selection: { countType: 'imageCountMoreThan', countNumber: 1 } });
    expect(others).toMatchObject({ rulePriority: 2, selection: { tagStatus: 'any', countNumber: 10 } });
  });
});

describe('the Dockerfile', () => {
  const dockerfile = readFileSync(join(root, 'functions/worker/Dockerfile'), 'utf8');
  const stage = (name: string) => {
    const [, text = ''] = new RegExp(`^FROM \\S+ AS ${name}$([^]*?)(?=^FROM |$(?![^]))`, 'm').exec(dockerfile) ?? [];
    return text;
  };

  test.each(['cpu', 'cuda'])('%s runs the worker as an unprivileged user', (name) => {
    expect(stage(name)).toMatch(/^USER node$/m);
    expect(stage(name)).toMatch(/^CMD \["node", "functions\/worker\/main\.ts"\]$/m);
    expect(stage(name)).toMatch(/chown node:node \/cache$/m);
    expect(stage(name)).toMatch(/^VOLUME \/cache$/m);
  });

  test.each(['cpu', 'cuda'])('%s turns off onnxruntime’s telemetry', (name) => {
    expect(stage(name)).toMatch(/^ENV ORT_DISABLE_TELEMETRY=1$/m);
  });

  test('onnxruntime is kept for linux/x64 only', () => {
    expect(stage('app')).toContain('rm -r darwin win32 linux/arm64');
  });

  test('onnxruntime-node’s own script installs the CUDA provider, and its checksum is verified', () => {
    expect(stage('app-cuda')).toContain(
      'ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js',
    );
    expect(stage('app-cuda')).toContain('sha256sum --check --strict');
    expect(stage('app')).toContain('npm ci --omit=dev --ignore-scripts');
  });

  test('CUDA’s libraries come from the base image’s package repository, and then the provider is checked', () => {
    const [installs, checks] = ['apt-get install', 'sh functions/worker/check-cuda-provider.sh'].map((command) =>
      stage('cuda').indexOf(command),
    );

    expect(stage('cuda')).toContain('libcublas-13-0 libcurand-13-0');
    expect(installs).toBeGreaterThan(0);
    expect(checks).toBeGreaterThan(installs ?? 0);
    expect(existsSync(join(root, 'functions/worker/check-cuda-provider.sh'))).toBe(true);
  });

  test('onnxruntime-node still puts its libraries where the Dockerfile looks', () => {
    const metadata = readFileSync(join(root, 'node_modules/onnxruntime-node/script/install-metadata.js'), 'utf8');

    expect(metadata).toContain("'linux/x64:cuda12'");
    expect(metadata).toContain('libonnxruntime_providers_cuda.so');
    expect(existsSync(join(root, 'node_modules/onnxruntime-node/bin/napi-v6/linux/x64'))).toBe(true);
  });
});
