/** Default name of the stack. */
export const defaultStackName = 'ImageGpt';

/** Outputs of every stack: our name, and the name in CloudFormation. */
export const requiredOutputs = {
  inputBucket: 'InputBucket',
  outputBucket: 'OutputBucket',
  resultsTopicArn: 'ResultsTopicArn',
  resultEventsQueueUrl: 'ResultEventsQueueUrl',
  resultEventsDeadLettersUrl: 'ResultEventsDeadLettersUrl',
  uploadsQueueUrl: 'UploadsQueueUrl',
  backfillQueueUrl: 'BackfillQueueUrl',
  uploadsDeadLettersUrl: 'UploadsDeadLettersUrl',
  tokensQueueUrl: 'TokensQueueUrl',
  tokensDeadLettersUrl: 'TokensDeadLettersUrl',
  modelId: 'ModelId',
  modelLocation: 'ModelLocation',
  metricNamespace: 'MetricNamespace',
  alarmTopicArn: 'AlarmTopicArn',
  dashboard: 'Dashboard',
  /** State machine that stops the work when the cost brake is pulled. */
  costBrakeHoldArn: 'CostBrakeHoldArn',
  /** State machine that resumes the work. */
  costBrakeReleaseArn: 'CostBrakeReleaseArn',
} as const;

/** Outputs that only some stacks have. */
const optionalOutputs = {
  /** With `outputKmsKey`: the ARN of the output bucket's key. */
  outputKmsKey: 'OutputKmsKey',
  /** With `compute=gpu` or `cpu`: the ECS cluster, and the service that preprocess wakes. */
  cluster: 'Cluster',
  service: 'Service',
  /** With `compute=gpu`: the service on on-demand instances. */
  onDemandService: 'OnDemandService',
  /** With `compute=lambda`: the name of the inference function. */
  inferFunction: 'InferFunction',
  /** With workers: how the proof of their task definition ended. */
  workerProof: 'WorkerProof',
  /** With `training=true`: AWS Batch's job queue and job definition for `igpt train --on-aws`. */
  trainingQueue: 'TrainingQueue',
  trainingJob: 'TrainingJob',
  /** With `batch=true`: the same for `igpt batch submit`. */
  batchQueue: 'BatchQueue',
  batchJob: 'BatchJob',
} as const;

/** All outputs of the CloudFormation stack. Verbs and consumers look up every resource here. */
export const stackOutputs = { ...requiredOutputs, ...optionalOutputs };

/** Values of a stack's outputs. */
export type StackOutputs = Record<keyof typeof requiredOutputs, string> &
  Partial<Record<keyof typeof optionalOutputs, string>>;
