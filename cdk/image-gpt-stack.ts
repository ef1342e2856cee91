import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { DeploymentConfig } from '../lib/contracts/deployment-settings.ts';
import { type StackOutputs, stackOutputs } from '../lib/contracts/stack-outputs.ts';
import { Alarms } from './constructs/alarms.ts';
import { CostBrake } from './constructs/cost-brake.ts';
import { DailyLimit } from './constructs/daily-limit.ts';
import { WorkDashboard } from './constructs/dashboard.ts';
import { inferOnEcs, inferOnLambda } from './constructs/inference.ts';
import { jobs } from './constructs/jobs.ts';
import { ModelLocation } from './constructs/model-location.ts';
import { Network } from './constructs/network.ts';
import * as may from './constructs/permissions.ts';
import { Preprocess } from './constructs/preprocess.ts';
import { Queues } from './constructs/queues.ts';
import { Results } from './constructs/results.ts';
import { sharedEnvironment } from './constructs/shared-environment.ts';
import { Storage } from './constructs/storage.ts';
import { notifyUploads } from './constructs/upload-notifications.ts';
import { fitFunction, modelVariables } from './model.ts';

/** The stack: pictures go into one bucket, outcomes appear in another. */
export class ImageGptStack extends Stack {
  constructor(scope: Construct, config: DeploymentConfig) {
    const { account, region, compute } = config;
    super(scope, config.stackName, {
      description: 'Image GPT: pictures in; classes, features and likelihoods out.',
      ...(account !== undefined && region !== undefined && { env: { account, region } }),
    });
    // First, because it refuses a model before anything is uploaded or built.
    const kind = compute === 'lambda' ? { fitted: fitFunction(config) } : { compute };
    const storage = new Storage(this, 'Storage', config);
    const queues = new Queues(this, 'Queues');
    const { uploads, backfill, tokens } = queues;
    const results = new Results(this, 'Results', queues);
    notifyUploads(storage.input, uploads, config.logRetentionDays);

    const model = new ModelLocation(this, 'Model', { config, bucket: storage.output });
    const namespace = `ImageGpt/${config.stackName}`;
    const shared = sharedEnvironment({ config, storage, queues, results, model, namespace });
    // Functions need no network, but jobs do.
    let made: Network | undefined;
    const network = (): Network => {
      made ??= new Network(this, 'Network');
      return made;
    };
    // What belongs to one kind of compute has ids of its own. When the kind changes, CloudFormation creates the new kind,
    // moves preprocess over, and then deletes the old kind: nothing that runs tasks is updated under them.
    const computing = {
      config,
      queues,
      environment: { ...shared.environment, ...modelVariables(config) },
      permissions: [...shared.permissions, may.send(uploads)],
      model,
      network,
    };
    const inference =
      'fitted' in kind ? inferOnLambda(this, kind.fitted, computing) : inferOnEcs(this, kind.compute, computing);
    const { services, targets, infer, runningTasks, runningPeriod } = inference;

    const preprocess = {
      ...config,
      environment: {
        ...shared.environment,
        ...inference.preprocess.environment,
        ALLOW_SVG: String(config.allowSvg),
        MAX_PICTURE_BYTES: String(config.maxMegabytes * 1e6),
        MAX_PICTURE_PIXELS: String(config.maxMegapixels * 1e6),
      },
      permissions: [...shared.permissions, may.send(tokens), ...inference.preprocess.permissions],
      delivery: inference.preprocess.delivery,
      after: [...model.ready, ...inference.ready],
    };
    const { preprocessConcurrency, backfillConcurrency } = config;
    const forUploads = new Preprocess(this, 'Preprocess', {
      ...preprocess,
      queue: uploads,
      concurrency: preprocessConcurrency,
    });
    const forBackfill = new Preprocess(this, 'Backfill', {
      ...preprocess,
      queue: backfill,
      concurrency: backfillConcurrency,
    });

    const watched = { queues, namespace, runningTasks, infer: infer?.handler };
    const alarms = new Alarms(this, 'Alarms', { ...watched, runningPeriod, results, email: config.alarmEmail });
    const functions = { uploads: forUploads.handler, backfill: forBackfill.handler };
    const { dashboard } = new WorkDashboard(this, 'Overview', { ...watched, preprocess: functions });
    const mappings = [forUploads.mapping, forBackfill.mapping, ...(infer === undefined ? [] : [infer.mapping])];
    const brake = new CostBrake(this, 'CostBrake', {
      alarmNames: alarms.costBrakeNames,
      services,
      targets,
      mappings,
    });
    const { maxUsdPerDay } = config;
    if (maxUsdPerDay !== undefined) {
      const meters = [...inference.meters, ...forUploads.meters, ...forBackfill.meters];
      new DailyLimit(this, 'DailyLimit', { config, maxUsdPerDay, meters, brake, topic: alarms.topic });
    }

    writeOutputs(this, {
      inputBucket: storage.input.bucketName,
      outputBucket: storage.output.bucketName,
      ...(config.outputKmsKey !== undefined && { outputKmsKey: config.outputKmsKey }),
      resultsTopicArn: results.topic.topicArn,
      ...queueOutputs(queues),
      ...inference.outputs,
      modelId: model.modelId,
      modelLocation: model.location,
      metricNamespace: namespace,
      alarmTopicArn: alarms.topic.topicArn,
      dashboard: dashboard.dashboardName,
      costBrakeHoldArn: brake.hold.stateMachineArn,
      costBrakeReleaseArn: brake.release.stateMachineArn,
      ...jobs(this, { ...inference, config, network, storage, results, model }),
    });
  }
}

/** Writes the stack's outputs under the names of lib/contracts/stack-outputs.ts. */
function writeOutputs(stack: Stack, values: StackOutputs): void {
  const named: Readonly<Record<string, string | undefined>> = values;
  for (const [name, output] of Object.entries(stackOutputs)) {
    const value = named[name];
    if (value !== undefined) new CfnOutput(stack, output, { value });
  }
}

/** Outputs of the queues. */
function queueOutputs(queues: Queues) {
  return {
    uploadsQueueUrl: queues.uploads.queueUrl,
    backfillQueueUrl: queues.backfill.queueUrl,
    uploadsDeadLettersUrl: queues.uploadsDeadLetters.queueUrl,
    tokensQueueUrl: queues.tokens.queueUrl,
    tokensDeadLettersUrl: queues.tokensDeadLetters.queueUrl,
    resultEventsQueueUrl: queues.resultEvents.queueUrl,
    resultEventsDeadLettersUrl: queues.resultEventsDeadLetters.queueUrl,
  };
}
