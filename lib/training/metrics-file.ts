import { appendFileSync, closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isMissing } from '../local/file-error.ts';
import { notWritable } from './not-writable.ts';
import { writeWhole } from './write-whole.ts';

const optional = z.number().optional();

/** A line of metrics.ndjson: a step of training, or a measurement on held-out pictures. Losses are in nats. */
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

export interface MetricsFile extends Disposable {
  /** Everything up to now, in order. */
  readonly metrics: readonly Metric[];
  /** @throws TrainingError `run_not_writable` */
  add(metric: Metric): void;
}

/**
 * Opens a run's metrics.ndjson to append to. What was written after step `from`, where the run goes on, is dropped: it
 * will be computed again.
 */
export async function openMetricsFile(path: string, from: number): Promise<MetricsFile> {
  const metrics = (await readMetrics(path)).filter(({ step }) => step <= from);
  await writeWhole(path, metrics.map(lineOf).join(''));
  const file = openSync(path, 'a');
  return {
    metrics,
    add(metric) {
      metrics.push(metric);
      try {
        appendFileSync(file, lineOf(metric));
      } catch (error) {
        throw notWritable(path, error);
      }
    },
    [Symbol.dispose]: () => closeSync(file),
  };
}

async function readMetrics(path: string): Promise<Metric[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return '';
    throw error;
  });
  return text.split('\n').flatMap((line) => {
    try {
      return [metricSchema.parse(JSON.parse(line))];
    } catch {
      // The last line of a killed run may be cut short.
      return [];
    }
  });
}

function lineOf(metric: Metric): string {
  return `${JSON.stringify(metric)}\n`;
}
