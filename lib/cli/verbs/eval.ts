import { Command, Option } from 'commander';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { withInput } from '../../checkpoint/class-input.ts';
import { trainedOn } from '../../checkpoint/trained-on.ts';
import { classInput } from '../../image-gpt/class-input.ts';
import { confusionMatrix } from '../../plot/confusion-matrix.ts';
import { UsageError } from '../../ports/error.ts';
import type { ClassInput } from '../../ports/model.ts';
import { checkPlotPath, writePlot } from '../../report/plot-file.ts';
import { maxMasks } from '../../training/bert-mask.ts';
import { labelsAsClasses } from '../../training/data/classes.ts';
import type { DataSet } from '../../training/data/data-set.ts';
import { evaluatedParts, rowsOfPart } from '../../training/data/split.ts';
import { DataSetError } from '../../training/error.ts';
import { type Evaluation, evaluate } from '../../training/evaluation/evaluate.ts';
import { classScores, type Scores } from '../../training/evaluation/scores.ts';
import { seenPictures } from '../../training/seen-pictures.ts';
import { examples } from '../invocation.ts';
import { openNamedDataSet, splitOptions } from '../options/data-options.ts';
import { addDataSetModelOptions, type DataSetModelOptions, openPool } from '../options/data-set-model.ts';
import { inputOption } from '../options/input-option.ts';
import { openNamedCheckpoint } from '../options/model-option.ts';
import { integer } from '../options/number-option.ts';
import { dataSetJson } from '../terminal/data-set-text.ts';
import { type MeasuredPictures, measuredJson, measuredRows, whichPictures } from '../terminal/measured-text.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { type Column, table } from '../terminal/table.ts';
import { percent, printable } from '../terminal/text.ts';

interface EvalOptions extends DataSetModelOptions {
  part?: (typeof evaluatedParts)[number];
  likelihoodOnly: boolean;
  input?: ClassInput;
  masks?: number;
  seed: number;
  confusion?: string;
  force: boolean;
  json: boolean;
}

/** Masks per picture for BERT models, as in the paper. */
const defaultMasks = 5;

export function evalCommand(): Command {
  const command = new Command('eval').description(
    'Measures a model on a data set: top-1 and top-5, each class, and negative log-likelihood in nats per token and bits per pixel (a pixel is one token of the palette, so this is not comparable with bits of RGB). A BERT model reads each picture under several masks, which vote on the class; its likelihood covers the masked tokens only.',
  );
  return addDataSetModelOptions(command)
    .addOption(
      new Option(
        '--part <part>',
        'which pictures (default: those that igpt train and probe hold out with the same options: test, else validation, else all)',
      ).choices(evaluatedParts),
    )
    .option('--likelihood-only', 'measure no accuracy, for data with other classes than the model’s', false)
    .addOption(inputOption())
    .addOption(
      new Option(
        '--masks <k>',
        `BERT models: masks per picture; 0 hides nothing and gives no likelihood (default: ${defaultMasks})`,
      ).argParser(integer({ min: 0, max: maxMasks })),
    )
    .addOption(new Option('--seed <n>', 'seed of the masks').default(0).argParser(integer({ min: 0 })))
    .option('--confusion <file>', 'draw the confusion matrix: .svg, .png, or a page .html')
    .option('--force', 'replace files that exist', false)
    .option('--json', 'one JSON object instead of tables', false)
    .addHelpText(
      'after',
      examples('eval --data cifar10 --confusion confusion.png', 'eval --model DIR --data labelled/ --part all --json'),
    )
    .action((options: EvalOptions, command: Command) => evaluateModel(options, command));
}

async function evaluateModel(options: EvalOptions, command: Command): Promise<void> {
  const { confusion, force, json, seed, precision } = options;
  checkPlotPath('--confusion', confusion, force);
  if (options.input !== undefined && options.likelihoodOnly) {
    throw new UsageError('--input goes with accuracy, not with --likelihood-only; leave it out');
  }
  const checkpoint = withInput(await openNamedCheckpoint(options.model), options.input);
  const { config, name, weights } = checkpoint;
  if (options.masks !== undefined && config.objective !== 'bert') {
    throw new UsageError(`--masks is for BERT models, but ${name} is autoregressive; leave it out`);
  }
  const masks = options.masks ?? defaultMasks;
  const dataSet = await openNamedDataSet(options, checkpoint);
  const measured = await chooseRows(dataSet, checkpoint, options, command);
  const { rows } = measured;
  const labels = options.likelihoodOnly ? undefined : labelsFor(checkpoint, dataSet);
  const request = {
    classes: labels !== undefined,
    likelihood: weights.lmHead !== undefined && (config.objective === 'ar' || masks > 0),
  };
  if (!request.classes && !request.likelihood) {
    throw new DataSetError(
      'nothing_to_measure',
      `nothing to measure: ${name} has no likelihood here, and no classes to compare with the labels of ${dataSet.name}`,
    );
  }
  if (confusion !== undefined && labels === undefined) {
    throw new UsageError('--confusion needs labelled pictures and a class head; leave it out');
  }
  await using pool = await openPool(checkpoint, request, options);
  using bar = progressBar('pictures');
  const evaluation = await evaluate(pool, dataSet, rows, labels, {
    objective: config.objective,
    classFunction: checkpoint.classFunction,
    masks,
    seed,
    onProgress: bar.update,
  });
  bar.stop();

  const facts = {
    model: name,
    precision,
    data: dataSet.name,
    masks: config.objective === 'bert' ? masks : undefined,
    input: labels && classInput(checkpoint),
  };
  await writeOut(
    json
      ? asJson(evaluation, checkpoint.labels, { ...facts, ...measuredJson(measured), data_set: dataSetJson(dataSet) })
      : asTables(evaluation, checkpoint.labels, measuredRows(measured)),
  );
  if (confusion !== undefined && evaluation.scores !== undefined) {
    const { top1, confusion: counts } = evaluation.scores;
    const title = `${name} on ${dataSet.name}: ${percent(top1)} % of ${rows.length} right`;
    const svg = confusionMatrix({ title, classes: checkpoint.labels, counts });
    const table = classTable(evaluation.scores, checkpoint.labels);
    await writePlot(confusion, { kind: 'Image GPT evaluation', title, svg, table }, force);
  }
}

async function chooseRows(
  dataSet: DataSet,
  checkpoint: Checkpoint,
  options: EvalOptions,
  command: Command,
): Promise<MeasuredPictures> {
  const seen = seenPictures(dataSet, await trainedOn(checkpoint));
  const split = splitOptions(options, command, seen.split);
  const measured = { dataSet, split, seen, ...rowsOfPart(dataSet, options.part, split) };
  const all = options.part === undefined && measured.part !== 'all' ? '; --part all measures all' : '';
  process.stderr.write(`${whichPictures(measured)}${all}\n`);
  return measured;
}

/** Labels [N] as classes of the model; undefined, with a line that says why, where there is no accuracy. */
function labelsFor(checkpoint: Checkpoint, dataSet: DataSet): Int32Array | undefined {
  const missing = noAccuracy(checkpoint, dataSet);
  if (missing === undefined) return labelsAsClasses(dataSet, checkpoint.labels);
  process.stderr.write(`${printable(missing)}: likelihood only\n`);
  return undefined;
}

function noAccuracy({ name, labels, noClasses }: Checkpoint, dataSet: DataSet): string | undefined {
  if (dataSet.labels === undefined) {
    return `${dataSet.name} has no labels${dataSet.unlabelled === undefined ? '' : ` (${dataSet.unlabelled})`}`;
  }
  if (labels.length === 0) return `${name} has no class head`;
  if (noClasses !== undefined) return `${name} has no classes: ${noClasses}`;
  return labels.length === 1 ? `${name} has one label, which is always the most probable one` : undefined;
}

function asTables(
  { pictures, natsPerToken, bitsPerPixel, scores }: Evaluation,
  labels: readonly string[],
  measured: string[][],
): string {
  const head = [
    ['pictures', String(pictures)],
    ...(scores === undefined
      ? []
      : [
          ['top-1 %', percent(scores.top1)],
          ['top-5 %', percent(scores.top5)],
        ]),
    ...(natsPerToken === undefined || bitsPerPixel === undefined
      ? []
      : [
          ['nats per token', natsPerToken.toFixed(4)],
          ['bits per pixel', bitsPerPixel.toFixed(4)],
        ]),
    ...measured,
  ];
  const summary = table([{ title: 'measured' }, { title: '' }], head);
  if (scores === undefined) return summary;
  const { columns, rows } = classTable(scores, labels);
  return `${summary}\n${table(
    columns,
    rows.map((row) => row.map(printable)),
  )}`;
}

function classTable({ confusion }: Scores, labels: readonly string[]): { columns: Column[]; rows: string[][] } {
  const columns: Column[] = [
    { title: 'class' },
    { title: 'pictures', align: 'right' },
    { title: 'recall %', align: 'right' },
    { title: 'precision %', align: 'right' },
    { title: 'most often taken for' },
  ];
  const rows = classScores(confusion).map(({ pictures, recall, precision, takenFor }, c) => [
    labels[c] ?? '',
    String(pictures),
    percent(recall),
    percent(precision),
    takenFor === undefined ? '' : (labels[takenFor] ?? ''),
  ]);
  return { columns, rows };
}

function asJson(
  { pictures, natsPerToken, bitsPerPixel, scores }: Evaluation,
  labels: readonly string[],
  facts: object,
): string {
  const measured = (share: number): number | null => (Number.isNaN(share) ? null : share);
  return `${JSON.stringify({
    ...facts,
    pictures,
    nats_per_token: natsPerToken,
    bits_per_pixel: bitsPerPixel,
    top1: scores?.top1,
    top5: scores?.top5,
    classes:
      scores &&
      classScores(scores.confusion).map((score, c) => ({
        label: labels[c],
        pictures: score.pictures,
        recall: measured(score.recall),
        precision: measured(score.precision),
      })),
    confusion:
      scores &&
      labels.map((_, row) => Array.from(scores.confusion.subarray(row * labels.length, (row + 1) * labels.length))),
  })}\n`;
}
