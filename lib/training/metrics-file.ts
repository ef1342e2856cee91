import { appendFileSync } from 'node:fs';
import { z } from 'zod';
import { openRegularFile, readTextFile } from '../files/regular-file.ts';
import { isMissing } from '../local/error.ts';
import { lineChart } from '../plot/line-chart.ts';
import { notWritable, writeWhole } from './write-whole.ts';

const optional = z.number().optional();

/** A line of metrics.ndjson: a training step, or a validation on held-out pictures. Losses are in nats. */
const metricSchema = z.object({
  type: z.enum(['step', 'validation']),
  step: z.int().positive(),
  loss: z.number(),
  generative: optional,
  classification: optional,
  accuracy: optional,
  best: z.boolean().optional(),
  learning_rate: optional,
  gradient_norm: optional,
  pictures_per_second: optional,
});

export type Metric = z.infer<typeof metricSchema>;

export interface MetricsFile extends AsyncDisposable {
  /** All metrics of the training so far, in order. */
  readonly metrics: readonly Metric[];
  /** @throws TrainingError `run_not_writable` */
  add(metric: Metric): void;
}

/**
 * Opens a training's metrics.ndjson for appending. Metrics after step `from`, where the training resumes, are dropped:
 * those steps are computed again.
 */
export async function openMetricsFile(path: string, from: number): Promise<MetricsFile> {
  const metrics = (await readMetrics(path)).filter(({ step }) => step <= from);
  await writeWhole(path, metrics.map(lineOf).join(''));
  const file = await openRegularFile(path, 'append');
  return {
    metrics,
    add(metric) {
      metrics.push(metric);
      try {
        appendFileSync(file.fd, lineOf(metric));
      } catch (error) {
        throw notWritable(path, error);
      }
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Loss by step as an SVG chart, for training and held-out pictures. Many steps are averaged to what the chart can show. */
export function metricsPlot(title: string, metrics: readonly Metric[]): string {
  const points = (type: Metric['type']) =>
    metrics.filter((metric) => metric.type === type).map(({ step, loss }) => [step, loss] as const);
  const validation = points('validation');
  return lineChart({
    title,
    xLabel: 'step',
    yLabel: 'loss, nats',
    series: [
      { name: 'training', points: averaged(points('step')) },
      ...(validation.length > 0 ? [{ name: 'held out', points: validation }] : []),
    ],
  });
}

async function readMetrics(path: string): Promise<Metric[]> {
  const text = await readTextFile(path).catch((error: unknown) => {
    if (isMissing(error)) return '';
    throw error;
  });
  return text.split('\n').flatMap((line) => {
    try {
      return [metricSchema.parse(JSON.parse(line))];
    } catch {
      // A killed process may have left half a last line.
      return [];
    }
  });
}

function lineOf(metric: Metric): string {
  return `${JSON.stringify(metric)}\n`;
}

/** Most points of a curve: the chart is not wide enough to show more. */
const maxPoints = 300;

/** Means of neighbouring points, at most {@link maxPoints}. */
function averaged(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const size = Math.ceil(points.length / maxPoints);
  const means: (readonly [number, number])[] = [];
  for (let start = 0; start < points.length; start += size) {
    const bucket = points.slice(start, start + size);
    means.push([mean(bucket.map(([step]) => step)), mean(bucket.map(([, loss]) => loss))]);
  }
  return means;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
