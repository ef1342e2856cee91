import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { DeploymentConfig } from '../lib/contracts/deployment-settings.ts';
import { type StackOutputs, stackOutputs } from '../lib/contracts/stack-outputs.ts';
import { Alarms } from './constructs/alarms.ts';
import { CostBrake } from './constructs/cost-brake.ts';
import { DailyLimit } from './constructs/daily-limit.ts';
import { WorkDashboard } from './constructs/dashboard.ts';
import { jobs } from './constructs/jobs.ts';
import { ModelLocation } from './constructs/model-location.ts';
import { Network } from './constructs/network.ts';
import * as may from './constructs/permissions.ts';
import { Preprocess } from './constructs/preprocess.ts';
import { Queues } from './constructs/queues.ts';
import { Results } from './constructs/results.ts';
import { Scaling } from './constructs/scaling.ts';
import { sharedEnvironment } from './constructs/shared-environment.ts';
import { Storage } from './constructs/storage.ts';
import { notifyUploads } from './constructs/upload-notifications.ts';
import { Worker } from './constructs/worker.ts';
import { modelVariables } from './model-id.ts';

/** The stack: pictures go into one bucket, outcomes appear in another. */
export class ImageGptStack extends Stack {
  constructor(scope: Construct, config: DeploymentConfig) {
    const { account, region } = config;
    super(scope, config.stackName, {
      description: 'Image GPT: pictures in; classes, features and likelihoods out.',
      ...(account !== undefined && region !== undefined && { env: { account, region } }),
    });
    const storage = new Storage(this, 'Storage', config);
    const queues = new Queues(this, 'Queues');
    const { uploads, backfill, tokens } = queues;
    const results = new Results(this, 'Results', queues);
    notifyUploads(storage.input, uploads, config.logRetentionDays);

    const model = new ModelLocation(this, 'Model', { config, bucket: storage.output });
    const namespace = `ImageGpt/${config.stackName}`;
    const shared = sharedEnvironment({ config, storage, queues, results, model, namespace });
    const network = new Network(this, 'Network');
    // What belongs to one kind of compute has ids of its own. When the kind changes, CloudFormation creates the new kind,
    // moves preprocess over, and then deletes the old kind: nothing that runs tasks is updated under them.
    const kind = config.compute === 'gpu' ? 'Gpu' : 'Cpu';
    const worker = new Worker(this, `${kind}Worker`, {
      config,
      network,
      environment: { ...shared.environment, ...modelVariables(config) },
      permissions: [...shared.permissions, may.takeTokens(tokens), may.send(uploads)],
      after: model.ready,
    });
    const { cluster, service, services, onDemand, runningTasks } = worker;

    const preprocess = {
      ...config,
      environment: {
        ...shared.environment,
        ECS_CLUSTER: cluster.clusterName,
        ECS_SERVICE: service.serviceName,
        ALLOW_SVG: String(config.allowSvg),
        MAX_PICTURE_BYTES: String(config.maxMegabytes * 1e6),
        MAX_PICTURE_PIXELS: String(config.maxMegapixels * 1e6),
      },
      permissions: [...shared.permissions, may.send(tokens), may.wake(service)],
      after: model.ready,
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

    const { targets } = new Scaling(this, `${kind}Scaling`, { ...config, tokens, service, onDemand });
    const watched = { queues, namespace, runningTasks };
    const alarms = new Alarms(this, 'Alarms', { ...watched, results, email: config.alarmEmail });
    const functions = { uploads: forUploads.handler, backfill: forBackfill.handler };
    const { dashboard } = new WorkDashboard(this, 'Overview', { ...watched, preprocess: functions });
    const mappings = [forUploads.mapping, forBackfill.mapping];
    const brake = new CostBrake(this, 'CostBrake', {
      alarmNames: alarms.costBrakeNames,
      services,
      targets,
      mappings,
    });
    const { maxUsdPerDay } = config;
    if (maxUsdPerDay !== undefined) {
      const meters = [...worker.meters, ...forUploads.meters, ...forBackfill.meters];
      new DailyLimit(this, 'DailyLimit', { config, maxUsdPerDay, meters, brake, topic: alarms.topic });
    }

    writeOutputs(this, {
      inputBucket: storage.input.bucketName,
      outputBucket: storage.output.bucketName,
      ...(config.outputKmsKey !== undefined && { outputKmsKey: config.outputKmsKey }),
      resultsTopicArn: results.topic.topicArn,
      ...queueOutputs(queues),
      cluster: cluster.clusterName,
      service: service.serviceName,
      ...(onDemand && { onDemandService: onDemand.service.serviceName }),
      workerProof: worker.proof,
      modelId: model.modelId,
      modelLocation: model.location,
      metricNamespace: namespace,
      alarmTopicArn: alarms.topic.topicArn,
      dashboard: dashboard.dashboardName,
      costBrakeHoldArn: brake.hold.stateMachineArn,
      costBrakeReleaseArn: brake.release.stateMachineArn,
      ...jobs(this, { config, network, storage, results, model, image: worker.image }),
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
