/** Calls `stop` when the container is stopped: ECS and AWS Batch send SIGTERM, a terminal SIGINT. */
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
