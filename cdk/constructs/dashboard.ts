import { Duration } from 'aws-cdk-lib';
import { Dashboard, GraphWidget, type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { metricNames } from '../../lib/contracts/metrics.ts';
import type { Queues } from './queues.ts';
import { outstandingMessages } from './scaling.ts';

export interface WorkDashboardProps {
  queues: Queues;
  runningTasks: IMetric;
  /** The inference function, if there is one. */
  infer?: IFunction | undefined;
  preprocess: { uploads: IFunction; backfill: IFunction };
  namespace: string;
}

/** One page that shows throughput, waiting work, failures and retries. */
export class WorkDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: WorkDashboardProps) {
    super(scope, id);
    const { queues, runningTasks, infer, preprocess, namespace } = props;
    const own = (metricName: string, service: string, statistic: string) =>
      new Metric({
        namespace,
        metricName,
        dimensionsMap: { service },
        statistic,
        period: Duration.minutes(1),
        label: `${metricName} (${service})`,
      });
    const sum = (metricName: string, service: string) => own(metricName, service, 'Sum');
    const graph = (title: string, left: IMetric[], right: IMetric[] = []) =>
      new GraphWidget({ title, left, right, width: 12 });
    const { succeeded, failed, failures, gone, superseded, batchFill, queueAge, modelTime, gpuMemory } = metricNames;
    const { retries, unusable } = metricNames;
    // Each failure code is a metric of its own; SEARCH finds those that exist.
    const failuresByCode = new MathExpression({
      expression: `SEARCH('{"${namespace}",code,service} MetricName="${failures}"', 'Sum', 60)`,
      label: '',
      period: Duration.minutes(1),
    });

    this.dashboard = new Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(3) });
    this.dashboard.addWidgets(
      graph('Pictures', [sum(succeeded, 'worker'), sum(failed, 'worker'), sum(failed, 'preprocess')]),
      graph('Outstanding', [outstandingMessages(queues.tokens)], [runningTasks]),
      graph(
        'Waiting',
        [queues.uploads, queues.backfill, queues.tokens].map((queue) => queue.metricApproximateAgeOfOldestMessage()),
        [own(queueAge, 'worker', 'p50')],
      ),
      graph(
        'Messages',
        [queues.uploads, queues.backfill, queues.tokens, queues.resultEvents].map((queue) =>
          queue.metricApproximateNumberOfMessagesVisible(),
        ),
      ),
      graph(
        'Dead letters',
        [queues.uploadsDeadLetters, queues.tokensDeadLetters, queues.resultEventsDeadLetters].map((queue) =>
          queue.metricApproximateNumberOfMessagesVisible(),
        ),
      ),
      graph(
        'Model',
        [own(modelTime, 'worker', 'p50'), own(modelTime, 'worker', 'p99')],
        [own(batchFill, 'worker', 'Average')],
      ),
      graph(
        'Preprocess',
        [preprocess.uploads.metricErrors(), preprocess.backfill.metricErrors()],
        [preprocess.uploads.metricDuration({ statistic: 'p99' })],
      ),
      graph('Failures', [failuresByCode]),
      infer === undefined
        ? graph('GPU memory', [own(gpuMemory, 'worker', 'Maximum')])
        : graph(
            'Inference functions',
            [infer.metricErrors(), infer.metricThrottles()],
            [infer.metricDuration({ statistic: 'p99' })],
          ),
      graph('Trouble', [
        ...['preprocess', 'worker'].flatMap((service) => [sum(retries, service), sum(unusable, service)]),
        ...[gone, superseded].map((name) => sum(name, 'worker')),
      ]),
    );
  }
}
