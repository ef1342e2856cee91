/**
 * Calls `stop` when the container is stopped: ECS and AWS Batch send SIGTERM, a terminal SIGINT. SIGKILL follows after
 * stopTimeoutSeconds for a worker, and after 30 s for a job, for which AWS Batch has no setting. The retries of a job
 * match Spot's reason first, so an attempt that is killed then is retried too.
 * Source: AWS Batch User Guide, "Job timeouts"; Amazon ECS API Reference, "StopTask".
 */
export function onStop(stop: (signal: NodeJS.Signals) => void): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
}

/**
 * Runs a container and ends the process with its exit code; `onError` gives the code of a container that failed. A
 * container whose event loop runs dry before `main` has ended has failed too: a promise was never settled.
 */
export async function runContainer(main: () => Promise<number>, onError: (error: unknown) => number): Promise<never> {
  const { promise: ranDry, reject } = Promise.withResolvers<never>();
  process.once('beforeExit', () => reject(new Error('The work stopped before its end: nothing is left to wait for.')));
  process.exit(await Promise.race([main(), ranDry]).catch(onError));
}
