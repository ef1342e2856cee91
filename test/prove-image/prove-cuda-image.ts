import { join } from 'node:path';
import { imageGptApp } from '../cdk/synthesize.ts';
import { stagedPackages } from '../prove-cuda/staged-packages.ts';
import { readDockerAssets } from '../support/docker-assets.ts';
import { startMoto } from '../support/moto.ts';
import { createTemplateStack } from '../support/template-stack.ts';
import { awsClients } from './aws-clients.ts';
import type { Containers } from './containers.ts';
import { appWithProvider, buildAppWithProvider, buildStandInCuda, standInCuda } from './cuda-stand-ins.ts';
import { type ImageSizes, imageSizes } from './image-sizes.ts';
import { imageName, taskToPodman } from './podman-options.ts';
import { buildStandInBase, standInBase } from './stand-in-base.ts';

export interface CudaFigures {
  sizes: ImageSizes;
  /** From the start of the container to its end (seconds). */
  endSeconds: number;
  /** The worker's line that names what is missing. */
  said: string;
  /** One line for each fault. */
  wrong: string[];
}

/**
 * Builds the GPU image from the folder that CDK stages, with stand-ins for NVIDIA's image, its package repository and
 * NuGet's provider. The build runs its own check of the provider. Then starts the worker as the task definition says: this
 * machine has no driver, so the worker must name the driver's library and end with 1.
 */
export async function proveCudaImage(containers: Containers, say: (line: string) => void): Promise<CudaFigures> {
  const { app } = imageGptApp({
    compute: 'gpu',
    model: 'lib/models/igpt-nano',
    modelId: undefined,
    stackName: 'Image',
  });
  const { directory } = app.synth();
  const [asset] = readDockerAssets(directory);
  if (asset === undefined) throw new Error('Expected an image asset in the template, found none.');
  const { hash, folder: context, source } = asset;
  say('fetching CUDA 13.0 and the provider from PyPI, or taking them from the cache');
  const staged = await stagedPackages();
  say('making the stand-ins for Node’s and NVIDIA’s images');
  await buildStandInBase(containers);
  const repository = await buildStandInCuda(containers, staged);
  const file = join(context, source.dockerFile);
  const args = { ...source.dockerBuildArgs, NODE_IMAGE: standInBase, CUDA_IMAGE: standInCuda };
  say('building the stage app');
  const stage = 'localhost/app';
  await containers.build({ context, file, target: 'app', args, tag: stage });
  await buildAppWithProvider(containers, stage, staged);
  say('building the GPU image');
  const contexts = { 'app-cuda': appWithProvider };
  const { dockerBuildTarget: target } = source;
  await containers.build({ context, file, target, args, contexts, options: [repository], tag: imageName(hash) });

  say('starting the worker without a driver');
  // Only for names and addresses: the worker ends before it calls AWS.
  await using moto = await startMoto();
  Object.assign(process.env, moto.environment);
  await using clients = awsClients();
  const stack = await createTemplateStack(directory, 'Image', clients);
  const { image, options, environment } = taskToPodman(stack.properties('AWS::ECS::TaskDefinition'), 'worker');
  const given = Object.entries(environment).map(([name, value]) => `--env=${name}=${stack.resolve(value)}`);
  const began = performance.now();
  const worker = containers.run('worker', image, [...options, ...given, '--network=none'], []);
  const code = await worker.exited;
  const endSeconds = (performance.now() - began) / 1000;
  const said = worker.lines.find((line) => line.includes('"CRITICAL"')) ?? '';
  const wrong = [
    ...(code === 1 ? [] : [`expected exit code 1 without a driver, received ${code}`]),
    ...(said.includes('libcuda.so.1') ? [] : [`expected a line that names libcuda.so.1: ${worker.lines.join('\n')}`]),
  ];
  say('compressing the image');
  return { sizes: await imageSizes(containers, image, standInCuda), endSeconds, said, wrong };
}
