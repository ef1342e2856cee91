/** Namespace of our metrics in CloudWatch, unless POWERTOOLS_METRICS_NAMESPACE says another. */
export const metricNamespace = 'ImageGpt';

/** What the deployed processes measure; each with the dimension `service`. */
export const metricNames = {
  /** Pictures by how they ended; a picture may end more than once. Count. */
  succeeded: 'PicturesSucceeded',
  failed: 'PicturesFailed',
  gone: 'PicturesGone',
  superseded: 'PicturesSuperseded',
  /** Failed pictures, with the further dimension `code`. Count. */
  failures: 'Failures',
  /** Pictures in a tokens message as it is received. Count. */
  batchFill: 'BatchFill',
  /** From a message's sending to its receipt, milliseconds. */
  queueAge: 'QueueAge',
  /** From handing a picture to the model to its prediction, milliseconds. */
  modelTime: 'ModelTime',
  /** In use on the worker's GPU, once a minute, bytes; absent without a GPU. */
  gpuMemory: 'GpuMemory',
  /** Errors that are retried, of a flow or of a queue. Count. */
  retries: 'Retries',
  /** A process that could not start, or whose model broke: no GPU where it was told cuda, another model id. Count. */
  unusable: 'ProcessUnusable',
} as const;

export type MetricName = (typeof metricNames)[keyof typeof metricNames];
