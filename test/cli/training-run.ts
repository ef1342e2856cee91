import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeNpy } from '../../lib/image-gpt/npy.ts';
import type { Metric } from '../../lib/training/metrics-file.ts';
import { randomTokens } from '../support/tiny-checkpoint.ts';

/** Number of pictures of {@link writeTokens}. */
const pictures = 60;

/** Writes x.npy and y.npy into `folder`: tokens for a tiny checkpoint, and labels of its three classes. */
export function writeTokens(folder: string): void {
  writeFileSync(join(folder, 'x.npy'), encodeNpy(randomTokens(5, pictures * 16, 8), [pictures, 16]));
  writeFileSync(
    join(folder, 'y.npy'),
    encodeNpy(
      Int32Array.from({ length: pictures }, (_, i) => i % 3),
      [pictures],
    ),
  );
}

/**
 * Weights and metrics of a training, without times. An interrupted training must have the same as an uninterrupted one.
 */
export function trainedState(out: string, step: number): Record<string, string> {
  const folder = join(out, 'training', `step-${String(step).padStart(8, '0')}`);
  const files = ['model.safetensors', 'trainer-state.safetensors', 'trainer-state.json'].map((name) =>
    join(folder, name),
  );
  const weights = [join(out, 'model.safetensors'), ...files].map((path) => readFileSync(path).toString('hex'));
  const metrics = metricsOf(out).map(({ pictures_per_second: _, ...metric }) => JSON.stringify(metric));
  return { weights: weights.join('\n'), metrics: metrics.join('\n') };
}

export function metricsOf(out: string): Metric[] {
  const path = join(out, 'training', 'metrics.ndjson');
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** Resolves when a training has written `steps` lines of metrics, or has ended. */
export async function metricsReach(out: string, steps: number, end: Promise<unknown>): Promise<void> {
  const ended = new AbortController();
  void end.finally(() => ended.abort());
  mkdirSync(join(out, 'training'), { recursive: true });
  const changes = watch(join(out, 'training'), { signal: ended.signal });
  try {
    if (metricsOf(out).length >= steps) return;
    for await (const { filename } of changes) {
      if (filename === 'metrics.ndjson' && metricsOf(out).length >= steps) return;
    }
  } catch (error) {
    if (!ended.signal.aborted) throw error;
  }
}
