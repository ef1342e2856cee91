import { lineChart } from '../plot/line-chart.ts';
import type { Metric } from './metrics-file.ts';

/** Points of a curve: more than the plot has pixels for would only make noise of it. */
const POINTS = 300;

/** Loss by step as SVG: training (means of neighbouring steps, where there are many) and held-out pictures. */
export function metricsPlot(title: string, metrics: readonly Metric[]): string {
  const points = (type: Metric['type']) =>
    metrics.filter((metric) => metric.type === type).map(({ step, loss }) => [step, loss] as const);
  const validation = points('validation');
  return lineChart({
    title,
    xLabel: 'step',
    yLabel: 'loss, nats',
    series: [
      { name: 'training', points: thinned(points('step')) },
      ...(validation.length > 0 ? [{ name: 'held out', points: validation }] : []),
    ],
  });
}

function thinned(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const size = Math.ceil(points.length / POINTS);
  const thin: (readonly [number, number])[] = [];
  for (let start = 0; start < points.length; start += size) {
    const bucket = points.slice(start, start + size);
    thin.push([mean(bucket.map(([step]) => step)), mean(bucket.map(([, loss]) => loss))]);
  }
  return thin;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
