/** Calls `stop` when the container is stopped: ECS and AWS Batch send SIGTERM, a terminal SIGINT. */
export function onStop(stop: (signal: NodeJS.Signals) => void): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
}

/** Runs a container and ends the process with its exit code; `onError` gives the code of a container that failed. */
export async function runContainer(main: () => Promise<number>, onError: (error: unknown) => number): Promise<never> {
  process.exit(await main().catch(onError));
}
