/** Number of receives after which SQS moves a message to the dead-letter queue (RedrivePolicy.maxReceiveCount). */
export const maxReceiveCount = 5;

/** Timeout of the preprocess function: enough for 100 pictures, with time for slow ones (seconds). */
export const preprocessTimeoutSeconds = 180;

/** Memory of the preprocess function (MB): two decoders of 1 GiB each and Node itself. It comes with 1.7 vCPUs. */
export const preprocessMegabytes = 3008;

/**
 * Timeout of the inference function: the most that Lambda allows (seconds). With it, ten pictures of iGPT-M end in a third
 * of the time. The rest is for a slow processor, and for the model's way from S3 in a first invocation.
 * Source: AWS Lambda Developer Guide, "Lambda quotas".
 */
export const inferTimeoutSeconds = 900;

/**
 * Most messages in a delivery of Lambda without a batching window, which could hold a single picture for 20 seconds.
 * Source: AWS Lambda API Reference, "CreateEventSourceMapping".
 */
export const deliveryMessages = 10;

/** Most messages in a delivery to preprocess when tasks compute. With a batching window, it fills the tokens messages. */
export const fullDeliveryMessages = 100;

/**
 * The queues' own visibility timeouts: how long a received message stays hidden unless its receiver asks for another time
 * (seconds). Those of the functions are six times the timeout, so that a throttled message is not delivered twice.
 * Source: AWS Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping".
 */
export const visibilitySeconds = {
  uploads: 6 * preprocessTimeoutSeconds,
  /** The same for every kind of compute. Workers and functions hold messages for {@link workerVisibilitySeconds} instead. */
  tokens: 6 * inferTimeoutSeconds,
  /** The user's own consumer. SQS's default of 30 s is too short for a consumer that calls other services. */
  resultEvents: 300,
};

/**
 * How long a message that a worker or an inference function holds stays hidden (seconds). What a killed one held comes back
 * after this time; a living one extends it.
 */
export const workerVisibilitySeconds = 60;

/** Poll interval of the worker: how long one receive waits for a message (milliseconds). SQS allows no more. */
export const longPollMs = 20_000;

/** How often they extend a held message per visibility timeout. One extension may fail. */
export const heartbeatsPerVisibility = 3;

/** From SIGTERM to SIGKILL of a worker (seconds). Fargate allows 120, which is also the notice of a Spot instance. */
export const stopTimeoutSeconds = 110;

/** Part of {@link stopTimeoutSeconds} in which the worker finishes or releases its messages (seconds). */
export const drainSeconds = 100;

/**
 * How long a failed message stays hidden (milliseconds): 10 s, 40 s, 160 s, 640 s. Together about a quarter of an hour,
 * so that a short outage does not use up a picture's five receives.
 */
export function retryDelayMs(receiveCount: number): number {
  return Math.min(10_000 * 4 ** (receiveCount - 1), 900_000);
}
