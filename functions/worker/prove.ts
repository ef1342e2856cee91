import { Logger } from '@aws-lambda-powertools/logger';
import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { workerEnvironment } from '../../lib/contracts/environment.ts';
import { runContainer } from '../container-entry.ts';
import { openWorkerModel } from '../open-model.ts';
import { proofExit } from '../proof-exit.ts';
import { proveModel } from '../prove-model.ts';

// No telemetry: a failed proof must not raise the alarms of the workers that still run.
const logger = new Logger({ serviceName: 'proof' });

/**
 * Container entry of a deployment's proof: opens the model as a worker does, predicts one picture and ends. Exit codes: 0
 * proved, others see {@link proofExit}.
 */
async function main(): Promise<number> {
  const env = readEnvironment(workerEnvironment, process.env);
  await using model = await openWorkerModel(env);
  const { id, provider, concurrency } = model;
  await proveModel(model);
  logger.info('proved', { model: id, provider, concurrency, ms: Math.round(performance.now()) });
  return 0;
}

await runContainer(main, (error) => {
  logger.critical('the worker cannot work', error instanceof Error ? error : String(error));
  return proofExit(error);
});
