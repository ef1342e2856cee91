/**
 * Outputs of the CloudFormation stack, by which commands and consumers find everything. All are there in every stack but
 * `onDemandService`, which `compute=cpu` has not, and those of training and batch jobs, which `training=true` and
 * `batch=true` have.
 */
export const stackOutputs = {
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
  cluster: 'Cluster',
  service: 'Service',
  onDemandService: 'OnDemandService',
  modelId: 'ModelId',
  modelLocation: 'ModelLocation',
  metricNamespace: 'MetricNamespace',
  alarmTopicArn: 'AlarmTopicArn',
  dashboard: 'Dashboard',
  /** State machine that the cost brake holds the work with. */
  costBrakeHoldArn: 'CostBrakeHoldArn',
  /** State machine that lets the work go on after the cost brake. */
  costBrakeReleaseArn: 'CostBrakeReleaseArn',
  /** AWS Batch's job queue and job definition for igpt train --on-aws. */
  trainingQueue: 'TrainingQueue',
  trainingJob: 'TrainingJob',
  /** The same for igpt batch submit. */
  batchQueue: 'BatchQueue',
  batchJob: 'BatchJob',
} as const;
