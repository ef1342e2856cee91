import { join } from 'node:path';
import { imageGptApp } from '../cdk/synthesize.ts';
import { readDockerAssets } from '../support/docker-assets.ts';
import { startMoto } from '../support/moto.ts';
import { createTemplateStack } from '../support/template-stack.ts';
import { awsClients } from './aws-clients.ts';
import type { Containers } from './containers.ts';
import { type Gateway, openGateway } from './gateway.ts';
import { createLauncher } from './launcher.ts';
import { imageName, jobToPodman, taskToPodman } from './podman-options.ts';
import { type JobFigures, proveBatch, proveTraining, type TrainingFigures } from './prove-jobs.ts';
import { proveWorker, type WorkerProof } from './prove-worker.ts';
import { buildStandInBase, standInBase } from './stand-in-base.ts';

export interface ImageFigures {
  /** Time to make the stand-in for Node's image (seconds). */
  baseSeconds: number;
  /** Time to build the images of worker and training (seconds). */
  buildSeconds: number;
  /** Size of the stand-in and of each image with it, unpacked (bytes). */
  bytes: { base: number; worker: number; training: number };
  /** Name of the worker's image. */
  workerImage: string;
  worker: WorkerProof;
  batch: JobFigures;
  training: TrainingFigures;
  /** One line for each fault. */
  wrong: string[];
}

const settings = { compute: 'cpu', batch: 'true', training: 'true', model: 'lib/models/igpt-nano', modelId: undefined };

/**
 * Builds the stack's CPU images from the folders that CDK stages, and runs them as the template's definitions say, on an
 * emulator: the worker's task, the children of a data-set job, and a training.
 */
export async function proveImage(containers: Containers, say: (line: string) => void): Promise<ImageFigures> {
  const { directory } = imageGptApp({ ...settings, stackName: 'Image' }).app.synth();
  say('making the stand-in for Node’s image');
  const baseSeconds = await timed(() => buildStandInBase(containers));
  const buildSeconds = await timed(async () => {
    for (const { hash, folder, source } of readDockerAssets(directory)) {
      say(`building ${hash.slice(0, 12)}`);
      const { dockerFile, dockerBuildTarget: target, dockerBuildArgs = {} } = source;
      const args = { ...dockerBuildArgs, NODE_IMAGE: standInBase };
      await containers.build({ context: folder, file: join(folder, dockerFile), target, args, tag: imageName(hash) });
    }
  });

  await using moto = await startMoto();
  Object.assign(process.env, moto.environment);
  await using clients = awsClients();
  const stack = await createTemplateStack(directory, 'Image', clients);
  await using gateway = await openGateway(containers, moto.endpoint);
  const launcher = createLauncher(containers, gateway, stack, moto);
  const worker = await proveWorker(launcher, stack, clients, moto, say);
  say('running a data-set job');
  const batch = await proveBatch(launcher, stack, clients, moto, containers.folder);
  say('running a training');
  const training = await proveTraining(launcher, stack, clients, containers.folder);
  const { wrong } = launcher;
  wrong.push(...worker.verdict.wrong, ...(await strayed(containers, gateway)));
  if (worker.deadLetters > 0) wrong.push(`${worker.deadLetters} dead letters`);
  const [task, job] = [
    taskToPodman(stack.properties('AWS::ECS::TaskDefinition'), ''),
    jobToPodman(stack.properties('AWS::Batch::JobDefinition', 'TrainingDefinition')),
  ];
  const bytes = { base: await size(standInBase), worker: await size(task.image), training: await size(job.image) };
  return { baseSeconds, buildSeconds, bytes, workerImage: task.image, worker, batch, training, wrong };

  async function size(image: string): Promise<number> {
    return Number(await containers.podman('image', 'inspect', '--format', '{{.Size}}', image));
  }
}

/** What a process does that strays, as code. Each must be counted, or the count proves nothing. */
const strays = {
  'a connection': `require('node:net').connect(80, '192.0.2.1').on('error', () => {})`,
  'a look-up of a name': `require('node:dns').lookup('example.com', () => {})`,
};

/** Faults of the network: connections elsewhere, or a count that does not see them. */
async function strayed(containers: Containers, gateway: Gateway): Promise<string[]> {
  let found = await gateway.strayed();
  const wrong = found === 0 ? [] : [`${found} attempts to reach another address than the emulator’s`];
  for (const [i, [what, code]] of Object.entries(strays).entries()) {
    await containers.run(`stray-${i}`, standInBase, gateway.options, ['node', '--eval', code]).exited;
    const before = found;
    found = await gateway.strayed();
    if (found === before) wrong.push(`expected ${what} to be counted as an attempt to reach another address`);
  }
  return wrong;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
