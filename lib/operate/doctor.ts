import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createS3Client } from '../aws/clients.ts';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { needsImage } from '../contracts/deployment-warnings.ts';
import { whyNoFunction } from '../contracts/infer-function.ts';
import { fargateTask, gpuInstanceNames } from '../contracts/instances.ts';
import { isS3Location } from '../contracts/s3-location.ts';
import { repositoryRoot } from '../local/repository.ts';
import { systemClock as clock } from '../local/system-clock.ts';
import { ImageGptError } from '../ports/error.ts';
import {
  codeBuildQuota,
  fargateSpotQuota,
  gpuOnDemandQuota,
  gpuSpotQuota,
  type Identity,
  lambdaQuota,
  type QuotaName,
  readBootstrap,
  readIdentity,
  readOfferedTypes,
  readQuota,
} from './account.ts';
import {
  createCallingClient,
  createCloudFormationClient,
  createEc2Client,
  createServiceQuotasClient,
  createStsClient,
} from './clients.ts';
import { commandError } from './command-error.ts';
import { functionModelFor } from './cost-model.ts';
import { type DeployedStack, readDeployedStack, StackError } from './deployed-stack.ts';
import {
  bootstrapCheck,
  buildsCheck,
  type Check,
  check,
  dockerCheck,
  type FoundQuota,
  gpuNeeds,
  instanceTypesCheck,
  quotaChecks,
  stackChecks,
} from './doctor-checks.ts';
import { type DoctorConfig, type DoctorContext, doctorConfig, readCdkContext } from './doctor-config.ts';
import { functionChecks } from './function-checks.ts';
import { listLeftovers } from './leftovers.ts';
import { readModelPrefix } from './model-prefix.ts';
import { examineOutput } from './output-check.ts';
import { proveFunction } from './prove-function.ts';
import { createStateClients, readStackState } from './stack-state.ts';

const run = promisify(execFile);

/** After this time, Docker counts as not running (milliseconds). */
const dockerTimeoutMs = 15_000;

/** A call that fetches and opens iGPT-M (1.8 GB) is done by then (milliseconds). */
const proofTimeoutMs = 120_000;

export interface ExamineOptions {
  /** Name of the stack. */
  stack: string;
  /** The user named the stack, so it must exist. */
  stackGiven: boolean;
  /** Checkpoint directory, `igpt-nano` or `s3://bucket/prefix` (default: the setting of the deployment). */
  model: string | undefined;
  /** Settings of the deployment. They override those of cdk.json. */
  context: DoctorContext;
  /** Command line of a verb for this stack. */
  call(verb: string): string;
}

/** Checks everything that a deployment needs, and the stack. Expected errors become checks. */
export async function examine({ stack: name, stackGiven, model, context, call }: ExamineOptions): Promise<Check[]> {
  const given = { ...context, ...(model !== undefined && { model: modelPlace(model) }) };
  const cdkContext = readCdkContext();
  const configWithoutStack = doctorConfig(given, cdkContext);
  const identity = await readIdentity(createStsClient()).catch(expected);
  if (identity instanceof ImageGptError) {
    const credentials = check('fail', 'credentials', identity.message);
    const local = await Promise.all([examineDocker(configWithoutStack), examineModel(configWithoutStack)]);
    const skipped = ['bootstrap', 'quotas', 'stack'].map((part) => check('skip', part, 'needs credentials'));
    return [credentials, ...local, ...skipped];
  }

  const stack = await readDeployedStack(createCloudFormationClient(), name).catch(expected);
  const config = doctorConfig({ ...settingsOf(stack), ...cdkContext, ...given }, {}, identity.region);
  const parts = await Promise.all([
    examineBootstrap(identity),
    examineDocker(config),
    examineQuotas(config, identity.region),
    examineInstanceTypes(config, identity.region),
    examineOutputBucket(config),
    examineModel(config),
    examineStack(stack, { name, stackGiven, call }),
  ]);
  return [
    check('ok', 'credentials', `${identity.arn}, account ${identity.account}`),
    check('ok', 'region', identity.region),
    ...parts.flat(),
  ];
}

/** Returns an expected error as a value; throws a defect. */
function expected(error: unknown): ImageGptError {
  return commandError('run this check', error);
}

/** Settings of a deployed stack that its outputs show. */
function settingsOf(stack: DeployedStack | ImageGptError): DoctorContext {
  if (stack instanceof ImageGptError) return {};
  const { inferFunction, onDemandService, modelLocation, outputBucket, outputKmsKey } = stack.outputs;
  const tasks = onDemandService === undefined ? 'cpu' : 'gpu';
  return {
    compute: inferFunction === undefined ? tasks : 'lambda',
    batch: stack.outputs.batchQueue !== undefined,
    training: stack.outputs.trainingQueue !== undefined,
    model: modelLocation,
    outputBucket,
    ...(outputKmsKey !== undefined && { outputKmsKey }),
  };
}

/** The stack's own bucket does not exist before the deployment. */
async function examineOutputBucket({ outputBucket: bucket, outputKmsKey: kmsKey }: DoctorConfig): Promise<Check[]> {
  return bucket === undefined ? [] : [await examineOutput(createS3Client(), { bucket, kmsKey })];
}

async function examineInstanceTypes(config: DoctorConfig, region: string): Promise<Check[]> {
  const { compute, instanceTypes: wanted, batch } = config;
  if (compute !== 'gpu') return [];
  const known = gpuInstanceNames;
  const offered = await readOfferedTypes(createEc2Client(), [...new Set([...wanted, ...known])]).catch(expected);
  return [instanceTypesCheck(wanted, offered, { region, batch, known })];
}

async function examineBootstrap(identity: Identity): Promise<Check> {
  const bootstrap = await readBootstrap(createCloudFormationClient()).catch(expected);
  if (bootstrap instanceof ImageGptError) return check('warn', 'bootstrap', bootstrap.message);
  return bootstrapCheck(bootstrap, identity);
}

async function examineDocker(config: DoctorConfig): Promise<Check> {
  if (!needsImage(config)) return check('ok', 'docker', 'not needed: functions have no image');
  const { imageBuild } = config;
  if (imageBuild === 'codebuild') return dockerCheck(imageBuild, undefined);
  // CDK calls the program of this variable in place of Docker.
  const { CDK_DOCKER: program = 'docker' } = process.env;
  const format = ['version', '--format', '{{.Server.Version}}'];
  const answer = await run(program, format, { timeout: dockerTimeoutMs }).catch(() => undefined);
  return dockerCheck(imageBuild, answer?.stdout.trim());
}

async function examineQuotas(config: DoctorConfig, region: string): Promise<Check[]> {
  const { compute, instanceTypes, maxTasks, batch, imageBuild } = config;
  const client = createServiceQuotasClient();
  const functions = readQuota(client, lambdaQuota).catch(expected);
  const builds =
    imageBuild === 'codebuild' && needsImage(config) ? readQuota(client, codeBuildQuota).catch(expected) : undefined;
  const quotas: Record<typeof compute, QuotaName[]> = {
    gpu: [gpuSpotQuota, gpuOnDemandQuota],
    cpu: [fargateSpotQuota],
    lambda: batch ? [fargateSpotQuota] : [],
  };
  const found = await Promise.all(
    quotas[compute].map(
      async (quota): Promise<FoundQuota> => ({
        quota,
        vcpus: await readQuota(client, quota).catch(expected),
        batchTasks: batch && quota !== gpuOnDemandQuota ? config.batchTasks : 0,
      }),
    ),
  );
  const fargate = {
    least: fargateTask.vcpus,
    most: fargateTask.vcpus,
    maxTasks: compute === 'lambda' ? 0 : maxTasks,
  };
  return [
    ...quotaChecks(found, compute === 'gpu' ? gpuNeeds(instanceTypes, maxTasks) : fargate, region),
    ...functionChecks(lambdaQuota, await functions, config, region),
    ...(builds === undefined ? [] : [buildsCheck(codeBuildQuota, await builds, region)]),
  ];
}

/** `--model` is relative to the current folder; a setting of the deployment is relative to the repository. */
function modelPlace(model: string): string {
  if (isS3Location(model)) return model.replace(/\/+$/, '');
  return model === 'igpt-nano' ? join('lib', 'models', model) : resolve(model);
}

async function examineModel(config: DoctorConfig): Promise<Check> {
  const { model } = config;
  const size = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  try {
    if (isS3Location(model)) {
      const { missing, bytes } = await readModelPrefix(createS3Client(), model, clock);
      if (missing.length === 0) return check('ok', 'model', `${model}, ${size(bytes)}`);
      return check('fail', 'model', `${model} has no ${missing.join(', ')}`, 'upload the whole checkpoint directory');
    }
    const checkpoint = await openCheckpoint(resolve(repositoryRoot, model));
    const { name, weightBytes, preprocessing } = checkpoint;
    if (preprocessing === undefined) {
      const advice = 'add the file: it contains the palette';
      return check('fail', 'model', `${model} has no preprocessor_config.json`, advice);
    }
    const { compute, inferMemory } = config;
    const why = compute === 'lambda' ? whyNoFunction(functionModelFor(checkpoint, config), inferMemory) : undefined;
    if (why !== undefined) return check('fail', 'model', `${name} cannot run in a function: ${why}`);
    return check('ok', 'model', `${name}, ${size(weightBytes)} of weights`);
  } catch (error) {
    const { message } = commandError(`open ${model}`, error);
    return check('fail', 'model', message, 'give a complete checkpoint with --model');
  }
}

async function examineStack(
  stack: DeployedStack | ImageGptError,
  { name, stackGiven, call }: Pick<ExamineOptions, 'stackGiven' | 'call'> & { name: string },
): Promise<Check[]> {
  if (stack instanceof ImageGptError) {
    if (stack instanceof StackError && stack.code === 'stack_missing' && !stackGiven) {
      return [check('ok', 'stack', `${name} is not deployed yet`, 'npx cdk deploy')];
    }
    return [check('fail', 'stack', stack.message)];
  }
  const { status, outputs } = stack;
  const found = check('ok', 'stack', `${name} is ${status}, model ${outputs.modelId}`);
  const [work, left] = await Promise.all([
    examineWork(stack, call).catch(unreadable),
    examineLeftovers(stack, call).catch(unreadable),
  ]);
  return [found, ...work, ...left];
}

async function examineWork(stack: DeployedStack, call: ExamineOptions['call']): Promise<Check[]> {
  const state = await readStackState(createStateClients(), stack, clock.now());
  const checks = stackChecks(state, call);
  const { infer, modelId } = state;
  // Lambda would refuse the call.
  if (infer === null || !infer.exists || infer.reserved === 0) return checks;
  return [...checks, await proveFunction(createCallingClient(proofTimeoutMs), { name: infer.name, modelId })];
}

function unreadable(error: unknown): Check[] {
  return [check('warn', 'at work', expected(error).message)];
}

async function examineLeftovers(stack: DeployedStack, call: ExamineOptions['call']): Promise<Check[]> {
  const leftovers = await listLeftovers(stack);
  if (leftovers.length === 0) return [];
  const found = `a killed igpt tail or igpt smoke has left ${leftovers.join(', ')}`;
  return [check('warn', 'left behind', found, call('doctor --clean'))];
}
