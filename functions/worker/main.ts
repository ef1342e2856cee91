import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { retryDelayMs } from '../../lib/contracts/delivery.ts';
import { workerEnvironment } from '../../lib/contracts/environment.ts';
import { metricNames } from '../../lib/contracts/metrics.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { workUntilStopped } from '../../lib/pipeline/consumer.ts';
import { ThreadUnusableError } from '../../lib/runtime/thread-pool.ts';
import { openDeployedModel } from '../open-model.ts';
import { createTelemetry } from '../telemetry.ts';
import { watchGpuMemory } from './gpu-memory.ts';
import { openInference } from './open-inference.ts';

/** Metrics are printed so often, milliseconds. */
const flushMs = 60_000;

/** At the end of the drain nothing new is begun: room for what the model has begun, and to release the rest. */
const reserveMs = 10_000;

const telemetry = createTelemetry({ service: 'worker', clock });
const stop = new AbortController();
const giveUp = new AbortController();

/** Container entry. Exit codes: 0 stopped by a signal, 1 could not start, or cannot go on. */
async function main(): Promise<number> {
  const env = readEnvironment(workerEnvironment, process.env);
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => drain(name, env.DRAIN_SECONDS * 1000));
  const model = await openDeployedModel(env);
  const { flow, tokens } = openInference(env, model, telemetry);
  const { id, provider, concurrency } = model;
  if (provider === 'cuda') await watchGpuMemory((bytes) => telemetry.bytes(metricNames.gpuMemory, bytes), flushMs);
  telemetry.logger.info('ready', { model: id, provider, concurrency, started_ms: Math.round(performance.now()) });
  let broken: unknown;
  await workUntilStopped({
    ...{ queue: tokens, flow, clock, retryDelayMs, giveUp },
    signal: stop.signal,
    consumers: env.CONSUMERS,
    prefetch: env.PREFETCH_MESSAGES,
    visibilityMs: env.VISIBILITY_SECONDS * 1000,
    drainMs: Math.max(env.DRAIN_SECONDS * 1000 - reserveMs, 0),
    onError(error, message) {
      telemetry.onError(error, message);
      if (!(error instanceof ThreadUnusableError)) return;
      // Going on would only turn picture after picture into a failure.
      broken = error;
      stop.abort();
      giveUp.abort();
    },
  });
  if (broken !== undefined) throw broken;
  await model.close();
  return 0;
}

function drain(signal: string, withinMs: number): void {
  telemetry.logger.info('draining', { signal });
  stop.abort();
  setTimeout(() => exit(1), withinMs).unref();
}

function exit(code: number): never {
  telemetry.flush();
  process.exit(code);
}

setInterval(telemetry.flush, flushMs).unref();
exit(
  await main().catch((error: unknown) => {
    telemetry.logger.critical('the worker cannot work', error instanceof Error ? error : String(error));
    telemetry.count(metricNames.unusable);
    return 1;
  }),
);
