import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { createS3Client, createSqsClient } from '../aws/clients.ts';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { stackCall } from '../cli/options/stack-option.ts';
import type { DoctorOptions } from '../cli/verbs/doctor.ts';
import { deploymentSettings } from '../contracts/deployment-settings.ts';
import { fargateTask } from '../contracts/instances.ts';
import { isS3Location } from '../contracts/s3-location.ts';
import { systemClock as clock } from '../local/system-clock.ts';
import { ImageGptError, UsageError } from '../ports/error.ts';
import {
  fargateSpotQuota,
  gpuOnDemandQuota,
  gpuSpotQuota,
  type Identity,
  lambdaQuota,
  type QuotaName,
  readBootstrap,
  readIdentity,
  readQuota,
} from './account.ts';
import { createCloudFormationClient, createServiceQuotasClient, createStsClient } from './clients.ts';
import { type DeployedStack, readDeployedStack, StackError } from './deployed-stack.ts';
import {
  bootstrapCheck,
  type Check,
  check,
  dockerCheck,
  type FoundQuota,
  functionsCheck,
  gpuNeeds,
  quotaChecks,
  stackChecks,
} from './doctor-checks.ts';
import { findLeftTaps } from './event-tap.ts';
import { readModelPrefix } from './model-prefix.ts';
import { commandError } from './operator-error.ts';
import { findLeftPictures } from './smoke-picture.ts';
import { createStateClients, readStackState } from './stack-state.ts';

const run = promisify(execFile);

const repository = join(import.meta.dirname, '..', '..');

/** A Docker that hangs is as bad as none, milliseconds. */
const dockerTimeoutMs = 15_000;

/** Looks at everything, the account's things at the same time. Expected errors become checks. */
export async function examine(options: DoctorOptions, stackGiven: boolean): Promise<Check[]> {
  const { context = {}, model } = options;
  const given = { ...context, ...(model === undefined ? {} : { model: modelPlace(model) }) };
  const cdkContext = readCdkContext();
  const early = doctorConfig(given, cdkContext);
  const docker = lookAtDocker(early.imageBuild);
  const identity = await readIdentity(createStsClient()).catch(expected);
  if (identity instanceof ImageGptError) {
    const { message } = identity;
    const rest = ['bootstrap', 'quotas', 'stack'].map((name) => check('skip', name, 'could not be asked'));
    return [check('fail', 'credentials', message), ...(await Promise.all([docker, lookAtModel(early.model)])), ...rest];
  }

  const stack = await readDeployedStack(createCloudFormationClient(), options.stack).catch(expected);
  const config = doctorConfig({ ...settingsOf(stack), ...cdkContext, ...given }, {});
  const parts = await Promise.all([
    lookAtBootstrap(identity),
    docker,
    lookAtQuotas(config, identity.region),
    lookAtModel(config.model),
    lookAtStack(stack, options.stack, stackGiven),
  ]);
  return [
    check('ok', 'credentials', `${identity.arn}, account ${identity.account}`),
    check('ok', 'region', identity.region),
    ...parts.flat(),
  ];
}

/** Expected errors go on as values; defects are thrown. */
function expected(error: unknown): ImageGptError {
  return commandError('look at it', error);
}

/** What a deployed stack was configured with, as far as its outputs tell. */
function settingsOf(stack: DeployedStack | ImageGptError): Partial<DoctorConfig> {
  if (stack instanceof ImageGptError) return {};
  const { onDemandService, modelLocation } = stack.outputs;
  return { compute: onDemandService === undefined ? 'cpu' : 'gpu', model: modelLocation };
}

async function lookAtBootstrap(identity: Identity): Promise<Check> {
  const bootstrap = await readBootstrap(createCloudFormationClient()).catch(expected);
  if (bootstrap instanceof ImageGptError) return check('warn', 'bootstrap', bootstrap.message);
  return bootstrapCheck(bootstrap, identity);
}

async function lookAtDocker(imageBuild: 'docker' | 'codebuild'): Promise<Check> {
  if (imageBuild === 'codebuild') return dockerCheck(imageBuild, undefined);
  // CDK's own name for another program.
  const { CDK_DOCKER: program = 'docker' } = process.env;
  const format = ['version', '--format', '{{.Server.Version}}'];
  const answer = await run(program, format, { timeout: dockerTimeoutMs }).catch(() => undefined);
  return dockerCheck(imageBuild, answer?.stdout.trim());
}

async function lookAtQuotas(config: DoctorConfig, region: string): Promise<Check[]> {
  const { compute, instanceTypes, maxTasks, batch } = config;
  const client = createServiceQuotasClient();
  const functions = readQuota(client, lambdaQuota).catch(expected);
  const quotas: QuotaName[] = compute === 'gpu' ? [gpuSpotQuota, gpuOnDemandQuota] : [fargateSpotQuota];
  const found = await Promise.all(
    quotas.map(
      async (quota): Promise<FoundQuota> => ({
        quota,
        vcpus: await readQuota(client, quota).catch(expected),
        batchTasks: batch && quota !== gpuOnDemandQuota ? config.batchTasks : 0,
      }),
    ),
  );
  const fargate = { least: fargateTask.vcpus, most: fargateTask.vcpus, maxTasks };
  return [
    ...quotaChecks(found, compute === 'gpu' ? gpuNeeds(instanceTypes, maxTasks) : fargate, region),
    functionsCheck(lambdaQuota, await functions, config, region),
  ];
}

/** `--model` is meant from where the user stands, or a name; a setting of the deployment from the repository. */
function modelPlace(model: string): string {
  if (isS3Location(model)) return model.replace(/\/+$/, '');
  return model === 'igpt-nano' ? join('lib', 'models', model) : resolve(model);
}

async function lookAtModel(model: string): Promise<Check> {
  const size = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  try {
    if (isS3Location(model)) {
      const { missing, bytes } = await readModelPrefix(createS3Client(), model, clock);
      if (missing.length === 0) return check('ok', 'model', `${model}, ${size(bytes)}`);
      return check('fail', 'model', `${model} has no ${missing.join(', ')}`, 'upload the whole checkpoint directory');
    }
    const { name, weightBytes, preprocessing } = await openCheckpoint(resolve(repository, model));
    if (preprocessing !== undefined) return check('ok', 'model', `${name}, ${size(weightBytes)} of weights`);
    return check('fail', 'model', `${model} has no preprocessor_config.json`, 'add the file: it carries the palette');
  } catch (error) {
    return check('fail', 'model', commandError(`open ${model}`, error).message, 'give a whole checkpoint with --model');
  }
}

async function lookAtStack(stack: DeployedStack | ImageGptError, name: string, wanted: boolean): Promise<Check[]> {
  if (stack instanceof ImageGptError) {
    if (stack instanceof StackError && stack.code === 'stack_missing' && !wanted) {
      return [check('ok', 'stack', `${name} is not deployed yet`, 'npx cdk deploy')];
    }
    return [check('fail', 'stack', stack.message)];
  }
  const { status, outputs } = stack;
  const there = check('ok', 'stack', `${name} is ${status}, model ${outputs.modelId}`);
  const [state, left] = await Promise.all([
    readStackState(createStateClients(), stack, clock.now()).then(stackChecks).catch(unread),
    lookAtLeftovers(stack).catch(unread),
  ]);
  return [there, ...state, ...left];
}

function unread(error: unknown): Check[] {
  return [check('warn', 'at work', expected(error).message)];
}

async function lookAtLeftovers(stack: DeployedStack): Promise<Check[]> {
  const [taps, pictures] = await Promise.all([
    findLeftTaps({ sqs: createSqsClient(), stack, clock }),
    findLeftPictures(createS3Client(), stack.outputs.inputBucket, clock.now()),
  ]);
  const left = [...taps.map(({ name }) => `queue ${name}`), ...pictures.map(({ key }) => `picture ${key}`)];
  if (left.length === 0) return [];
  const words = `a killed igpt tail or igpt smoke has left ${left.join(', ')}`;
  return [check('warn', 'left behind', words, stackCall('doctor --clean', stack.name))];
}

/** The settings of a deployment that a machine or an account must be able to follow. */
const settings = deploymentSettings
  .pick({
    compute: true,
    maxTasks: true,
    batch: true,
    batchTasks: true,
    preprocessConcurrency: true,
    backfillConcurrency: true,
    instanceTypes: true,
    imageBuild: true,
    model: true,
  })
  .strip();

export type DoctorConfig = z.output<typeof settings>;

export type DoctorContext = Readonly<Record<string, unknown>>;

/** `given` goes before cdk.json's context; settings that need nothing of machine or account are left out. */
export function doctorConfig(given: DoctorContext, cdkContext: DoctorContext): DoctorConfig {
  const parsed = settings.safeParse({ ...cdkContext, ...given });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new UsageError(`--context: ${faults.join('; ')}`, { cause: parsed.error });
}

/** The context of the repository's cdk.json. */
export function readCdkContext(): DoctorContext {
  const file = join(import.meta.dirname, '..', '..', 'cdk.json');
  const { context } = z
    .object({ context: z.record(z.string(), z.unknown()) })
    .parse(JSON.parse(readFileSync(file, 'utf8')));
  return context;
}
