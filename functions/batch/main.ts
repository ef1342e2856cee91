import { Logger } from '@aws-lambda-powertools/logger';
import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { jobEnvironment } from '../../lib/contracts/environment.ts';
import { runArrayChild } from '../../lib/jobs/array-child.ts';
import { openPlace } from '../../lib/jobs/open-place.ts';
import { parquetShards } from '../../lib/jobs/parquet/shard-file.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { onStop, runContainer } from '../container-entry.ts';
import { openEvents } from '../open-ports.ts';
import { openBatchMachine } from './open-machine.ts';

/** 128 + SIGTERM. The job definition retries a child that ends with it, because it was stopped from outside. */
const stoppedCode = 143;

const logger = new Logger({ serviceName: 'batch' });
const stop = new AbortController();

/**
 * Container entry of a job's child: makes one shard, which is stored whole or not at all. Exit codes: 0 the shard is
 * stored, 143 stopped by a signal, 1 an error that a retry would not fix.
 */
async function main(): Promise<number> {
  const env = readEnvironment(jobEnvironment, process.env);
  onStop((signal) => {
    logger.info('stopping', { signal });
    stop.abort();
  });
  const began = performance.now();
  const { summary, ...end } = await runArrayChild({
    clock,
    format: parquetShards,
    signal: stop.signal,
    output: await openPlace(env.BATCH_OUT),
    place: env.BATCH_OUT,
    index: env.AWS_BATCH_JOB_ARRAY_INDEX,
    events: openEvents(env.RESULTS_TOPIC_ARN),
    maxFailureRate: env.BATCH_MAX_FAILURE_RATE,
    open: (job) => openBatchMachine(env, job, logger),
  });
  logger.info('child ended', { ...end, seconds: Math.round((performance.now() - began) / 1000) });
  if (summary !== undefined) logger.info('job done', { job: summary.job, pictures: summary.pictures });
  return stop.signal.aborted ? stoppedCode : 0;
}

await runContainer(main, (error) => {
  logger.critical('the child cannot go on', error instanceof Error ? error : String(error));
  return stop.signal.aborted ? stoppedCode : 1;
});
