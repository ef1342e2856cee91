import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { workerEnvironment } from '../../lib/contracts/environment.ts';
import { metricNames } from '../../lib/contracts/metrics.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { onStop, runContainer } from '../container-entry.ts';
import { openWorkerModel } from '../open-model.ts';
import { createTelemetry } from '../telemetry.ts';
import { watchGpuMemory } from './gpu-memory.ts';
import { runInference } from './run-inference.ts';

/** Period of printing the metrics (milliseconds). */
const flushMs = 60_000;

const telemetry = createTelemetry({ service: 'worker', clock });

/** Container entry. Exit codes: 0 stopped by a signal, 1 could not start or cannot go on. */
async function main(): Promise<number> {
  const env = readEnvironment(workerEnvironment, process.env);
  const stop = new AbortController();
  onStop((signal) => {
    telemetry.logger.info('draining', { signal });
    stop.abort();
    setTimeout(() => process.exit(1), env.DRAIN_SECONDS * 1000).unref();
  });
  const model = await openWorkerModel(env);
  const { id, provider, concurrency } = model;
  if (provider === 'cuda') await watchGpuMemory((bytes) => telemetry.bytes(metricNames.gpuMemory, bytes), flushMs);
  telemetry.logger.info('ready', { model: id, provider, concurrency, started_ms: Math.round(performance.now()) });
  await runInference(env, model, telemetry, stop);
  await model.close();
  return 0;
}

setInterval(telemetry.flush, flushMs).unref();
process.on('exit', telemetry.flush);
await runContainer(main, (error) => {
  telemetry.onUnusable(error);
  return 1;
});
