/** Default namespace of our metrics in CloudWatch; POWERTOOLS_METRICS_NAMESPACE overrides it. */
export const metricNamespace = 'ImageGpt';

/** Metrics of the deployed processes. All have the dimension `service`. */
export const metricNames = {
  /** Pictures by how they ended (count). A redelivered picture is counted again. */
  succeeded: 'PicturesSucceeded',
  failed: 'PicturesFailed',
  gone: 'PicturesGone',
  superseded: 'PicturesSuperseded',
  /** Failed pictures (count), with the additional dimension `code`. */
  failures: 'Failures',
  /** Pictures in a received tokens message (count). */
  batchFill: 'BatchFill',
  /** Time from sending a message to receiving it (milliseconds). */
  queueAge: 'QueueAge',
  /** Time from passing a picture to the model to its prediction (milliseconds). */
  modelTime: 'ModelTime',
  /** Used memory of the worker's GPU, once a minute (bytes). Absent without a GPU. */
  gpuMemory: 'GpuMemory',
  /** Errors of flows and queues that are retried (count). */
  retries: 'Retries',
  /** Denials of a bucket or its key that last (count), of all processes, with the dimension `service` = `storage`. */
  storageDenied: 'StorageDenied',
  /** Processes that could not start, or whose model failed (count): no GPU with `cuda`, or another model id. */
  unusable: 'ProcessUnusable',
} as const;

export type MetricName = (typeof metricNames)[keyof typeof metricNames];
