import { Logger } from '@aws-lambda-powertools/logger';
import { createSnsClient } from '../../lib/aws/clients.ts';
import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { createSnsEventSink } from '../../lib/aws/sns-event-sink.ts';
import { jobEnvironment } from '../../lib/contracts/environment.ts';
import { runArrayChild } from '../../lib/jobs/array-child.ts';
import { openPlace } from '../../lib/jobs/open-place.ts';
import { parquetShards } from '../../lib/jobs/parquet/shard-file.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { openBatchMachine } from './open-machine.ts';

/** 128 + SIGTERM, by which the job's definition knows that it was stopped from outside, and tries again. */
const stopped = 143;

const logger = new Logger({ serviceName: 'batch' });
const stop = new AbortController();

/**
 * Container entry of a batch job's child: one shard, stored whole or not at all. Exit codes: 0 the shard is there, 143
 * stopped by a signal, 1 what a retry would not mend.
 */
async function main(): Promise<number> {
  const env = readEnvironment(jobEnvironment, process.env);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      logger.info('stopping', { signal });
      stop.abort();
    });
  }
  const began = performance.now();
  const { summary, ...end } = await runArrayChild({
    ...{ clock, format: parquetShards, signal: stop.signal },
    output: openPlace(env.BATCH_OUT),
    place: env.BATCH_OUT,
    index: env.AWS_BATCH_JOB_ARRAY_INDEX,
    events: createSnsEventSink({ client: createSnsClient(), topicArn: env.RESULTS_TOPIC_ARN }),
    maxFailureRate: env.BATCH_MAX_FAILURE_RATE,
    open: (job) => openBatchMachine(env, job, logger),
  });
  logger.info('child ended', { ...end, seconds: Math.round((performance.now() - began) / 1000) });
  if (summary !== undefined) logger.info('job done', { job: summary.job, pictures: summary.pictures });
  return stop.signal.aborted ? stopped : 0;
}

process.exit(
  await main().catch((error: unknown) => {
    logger.critical('the child cannot go on', error instanceof Error ? error : String(error));
    return stop.signal.aborted ? stopped : 1;
  }),
);
