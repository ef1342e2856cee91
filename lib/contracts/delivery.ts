/** Number of receives after which SQS moves a message to the dead-letter queue (RedrivePolicy.maxReceiveCount). */
export const maxReceiveCount = 5;

/** Timeout of the preprocess function: enough for 100 pictures, with time for slow ones (seconds). */
export const preprocessTimeoutSeconds = 180;

/** How long a received message stays hidden unless its receiver extends the time (seconds). */
export const visibilitySeconds = {
  /** Six times the function's timeout, as Lambda recommends, so that a throttled message is not delivered twice. */
  uploads: 6 * preprocessTimeoutSeconds,
  /** Messages of a killed worker come back after this time. A living worker extends it. */
  tokens: 60,
  /** The user's own consumer. SQS's default of 30 s is too short for a consumer that calls other services. */
  resultEvents: 300,
};

/** Poll interval of the worker: how long one receive waits for a message (milliseconds). SQS allows no more. */
export const longPollMs = 20_000;

/** How often the worker extends a held message per visibility timeout. One extension may fail. */
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
