import { join } from 'node:path';
import { type Plot, plotPage } from '../../report/plot-file.ts';
import { type Metric, metricsPlot, openMetricsFile } from '../../training/metrics-file.ts';
import type { StepRecord, TrainState, Validation } from '../../training/train.ts';
import { writeWhole } from '../../training/write-whole.ts';
import { duration, type ProgressBar } from './progress-bar.ts';
import { table } from './table.ts';
import { percent, printable } from './text.ts';

export interface TrainReport extends AsyncDisposable {
  step(record: StepRecord): void;
  validation(step: number, validation: Validation, best: boolean): Promise<void>;
  /** Draws metrics.svg and report.html again. */
  draw(): Promise<void>;
  /** The result, as a table or as JSON. */
  summary(state: TrainState, out: string, dataSet: object | undefined): string;
}

interface ReportOptions {
  title: string;
  /** The step from which the training resumes (0 for a new one). */
  from: number;
  /** Pictures per step. */
  batch: number;
  steps: number;
  bar: ProgressBar;
}

/**
 * Reports on a training: writes metrics.ndjson, metrics.svg and report.html to `folder`, moves the progress bar, and
 * prints a line for each measurement.
 */
export async function openTrainReport(
  folder: string,
  { title, from, batch, steps, bar }: ReportOptions,
): Promise<TrainReport> {
  const file = await openMetricsFile(join(folder, 'metrics.ndjson'), from);
  const began = performance.now();
  let last: StepRecord | undefined;
  async function draw(): Promise<void> {
    const svg = metricsPlot(title, file.metrics);
    await writeWhole(join(folder, 'metrics.svg'), svg);
    const page = { kind: 'Image GPT training', title, svg, table: heldOut(file.metrics) };
    await writeWhole(join(folder, 'report.html'), await plotPage(page));
  }
  bar.resumeAt(from * batch, steps * batch);
  return {
    step(record) {
      last = record;
      const { step, learningRate, gradientNorm, seconds, ...losses } = record;
      file.add({
        type: 'step',
        step,
        ...losses,
        learning_rate: learningRate,
        gradient_norm: gradientNorm,
        pictures_per_second: batch / seconds,
      });
      bar.update(step * batch, steps * batch, `step ${step}, loss ${record.loss.toFixed(3)}`);
    },
    async validation(step, validation, best) {
      file.add({ type: 'validation', step, ...validation, best });
      const trained = last === undefined ? '' : `loss ${last.loss.toFixed(4)}, `;
      const speed = last === undefined ? '' : `, ${(batch / last.seconds).toFixed(1)} pictures/s`;
      bar.say(`step ${step} of ${steps}: ${trained}held out ${measured(validation)}${best ? ' (best)' : ''}${speed}`);
      await draw();
    },
    draw,
    summary(state, out, dataSet) {
      const seconds = (performance.now() - began) / 1000;
      return dataSet !== undefined
        ? asJson(state, out, seconds, dataSet)
        : asTable(state, out, seconds, (state.step - from) * batch);
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** The measurements on held-out pictures as a table, latest first. */
function heldOut(metrics: readonly Metric[]): NonNullable<Plot['table']> {
  const rows = metrics
    .filter(({ type }) => type === 'validation')
    .map(({ step, loss, accuracy, best }) => [
      String(step),
      loss.toFixed(4),
      accuracy === undefined ? '' : percent(accuracy),
      best === true ? 'best so far' : '',
    ]);
  return {
    columns: [
      { title: 'step', align: 'right' },
      { title: 'held-out loss, nats', align: 'right' },
      { title: 'right %', align: 'right' },
      { title: '' },
    ],
    rows: rows.toReversed(),
  };
}

function measured({ loss, accuracy }: Validation): string {
  return accuracy === undefined ? loss.toFixed(4) : `${loss.toFixed(4)}, ${percent(accuracy)} % right`;
}

function asTable({ step, losses, best, ended }: TrainState, out: string, seconds: number, pictures: number): string {
  const loss = losses.at(-1);
  return table(
    [{ title: 'trained' }, { title: printable(out) }],
    [
      ['steps', `${step}${ended ? '' : ', unfinished'}`],
      ...(loss === undefined ? [] : [['last loss, nats', loss.toFixed(4)]]),
      ...(best === undefined
        ? []
        : [['best on held-out pictures', `${measured(best.validation)} (step ${best.step})`]]),
      ['time', `${duration(seconds)}, ${(pictures / seconds).toFixed(1)} pictures/s`],
    ],
  );
}

function asJson({ step, losses, best, ended }: TrainState, out: string, seconds: number, dataSet: object): string {
  return `${JSON.stringify({
    directory: out,
    step,
    ended,
    loss: losses.at(-1) ?? null,
    best: best === undefined ? null : { step: best.step, ...best.validation },
    seconds,
    data_set: dataSet,
  })}\n`;
}
