import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { StorageDeniedError } from '../lib/aws/aws-error.ts';
import { type MetricName, metricNames, metricNamespace } from '../lib/contracts/metrics.ts';
import { createStages, type FlowObserver, type PictureEnd } from '../lib/pipeline/observer.ts';
import type { Clock } from '../lib/ports/clock.ts';
import { ImageGptError } from '../lib/ports/error.ts';
import type { QueueMessage } from '../lib/ports/queue.ts';

/** Logs and metrics of a deployed process, on standard output. Every log line about a picture has its `key`. */
export interface Telemetry {
  logger: Logger;
  observer: FlowObserver;
  /** Logs an error that is retried, or that sends a message to the dead-letter queue. */
  onError(error: unknown, message?: QueueMessage): void;
  /** Logs and counts why the process cannot start or go on. Raises the alarm if a bucket or its key denies access. */
  onUnusable(error: unknown): void;
  count(metric: MetricName, by?: number): void;
  milliseconds(metric: MetricName, value: number): void;
  bytes(metric: MetricName, value: number): void;
  /** Prints the metrics since the last flush. */
  flush(): void;
}

/** Most characters of a message body in a log line. */
const bodyExcerpt = 500;

/** From this receive on, about a minute after the first, a denial lasts. Two receives are left when the brake is pulled. */
const lastingReceive = 3;

/** A process that has sent or published a picture so recently is not denied as a whole: single pictures are (milliseconds). */
const progressMs = 60_000;

const endMetrics: Readonly<Record<PictureEnd['end'], MetricName>> = {
  succeeded: metricNames.succeeded,
  failed: metricNames.failed,
  gone: metricNames.gone,
  superseded: metricNames.superseded,
};

export function createTelemetry({ service, clock }: { service: string; clock: Clock }): Telemetry {
  const logger = new Logger({ serviceName: service });
  const { POWERTOOLS_METRICS_NAMESPACE: namespace = metricNamespace } = process.env;
  const metrics = new Metrics({ namespace, serviceName: service });
  const counts = new Map<MetricName, number>();
  // One metric of all processes, because CloudWatch bills each metric of an alarm.
  const storage = new Metrics({ namespace, serviceName: 'storage' });
  const { ROLE_NAME: role } = process.env;
  const stages = createStages(clock);
  let lastProgress = Number.NEGATIVE_INFINITY;

  function reportDenial({ code, message, bucket, action }: StorageDeniedError): void {
    logger.critical('a bucket or its key denies access', { code, bucket, action, role, cause: message });
    storage.singleMetric().addMetric(metricNames.storageDenied, MetricUnit.Count, 1);
  }

  function count(metric: MetricName, by = 1): void {
    counts.set(metric, (counts.get(metric) ?? 0) + by);
  }

  function milliseconds(metric: MetricName, value: number): void {
    metrics.addMetric(metric, MetricUnit.Milliseconds, value);
  }

  return {
    logger,
    count,
    milliseconds,
    bytes: (metric, value) => void metrics.addMetric(metric, MetricUnit.Bytes, value),
    observer: {
      stages: {
        ...stages,
        async run(stage, key, work) {
          if (stage !== 'predicting') {
            const done = await stages.run(stage, key, work);
            if (stage === 'sending' || stage === 'publishing') lastProgress = clock.now().getTime();
            return done;
          }
          const started = performance.now();
          const result = await stages.run(stage, key, work);
          milliseconds(metricNames.modelTime, performance.now() - started);
          return result;
        },
      },
      received(message, pictures) {
        metrics.addMetric(metricNames.batchFill, MetricUnit.Count, pictures);
        milliseconds(metricNames.queueAge, Math.max(clock.now().getTime() - message.sentAt.getTime(), 0));
      },
      ended(end) {
        count(endMetrics[end.end]);
        if (end.end === 'succeeded') logger.debug('picture ended', { ...end });
        else logger.info('picture ended', { ...end });
        if (end.end !== 'failed') return;
        metrics.singleMetric().addDimension('code', end.code).addMetric(metricNames.failures, MetricUnit.Count, 1);
      },
      caught(key, error) {
        logger.error('picture failed, but is not at fault', { key, ...errorLog(error) });
      },
    },
    onError(error, message) {
      count(metricNames.retries);
      const { body, receiveCount = 0, lastReceive } = message ?? {};
      const stuck = clock.now().getTime() - lastProgress > progressMs;
      if (error instanceof StorageDeniedError && receiveCount >= lastingReceive && stuck) reportDenial(error);
      const level = lastReceive ? 'error' : 'warn';
      logger[level](lastReceive ? 'message is dead-lettered' : 'trying again', {
        ...errorLog(error),
        body: body?.slice(0, bodyExcerpt),
        receiveCount,
        lastReceive,
      });
    },
    onUnusable(error) {
      logger.critical('the process cannot work', { ...errorLog(error) });
      count(metricNames.unusable);
      if (error instanceof StorageDeniedError) reportDenial(error);
    },
    flush() {
      for (const [metric, value] of counts) metrics.addMetric(metric, MetricUnit.Count, value);
      counts.clear();
      if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
    },
  };
}

function errorLog(error: unknown): { code?: string; error: Error } {
  if (error instanceof ImageGptError) return { code: error.code, error };
  return { error: error instanceof Error ? error : new Error(String(error)) };
}
