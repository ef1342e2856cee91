import { Command, InvalidArgumentError, Option } from 'commander';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { writeProbe } from '../../checkpoint/probe.ts';
import { type TrainedOn, weightsTrainedOn } from '../../checkpoint/trained-on.ts';
import { cannotWrite, checkOutputPath } from '../../local/output-file.ts';
import { lineChart } from '../../plot/line-chart.ts';
import { UsageError } from '../../ports/error.ts';
import { type FeatureNorm, featureNorms } from '../../ports/model.ts';
import { checkPlotPath, writePlot } from '../../report/plot-file.ts';
import { type DataSet, requireLabels } from '../../training/data/data-set.ts';
import { splitDataSet } from '../../training/data/split.ts';
import { extractFeatures, type LayerFeatures } from '../../training/probe/layer-features.ts';
import {
  bestProbe,
  drawSplits,
  type ProbeResult,
  probeCandidates,
  probeLayers,
  usedRows,
} from '../../training/probe/probe-layers.ts';
import { seenPictures, trainingRecord } from '../../training/seen-pictures.ts';
import { examples } from '../invocation.ts';
import { openNamedDataSet, splitOptions } from '../options/data-options.ts';
import { addDataSetModelOptions, type DataSetModelOptions, openPool } from '../options/data-set-model.ts';
import { openNamedCheckpoint } from '../options/model-option.ts';
import { integer } from '../options/number-option.ts';
import { dataSetJson } from '../terminal/data-set-text.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { type Column, table } from '../terminal/table.ts';
import { percent, printable } from '../terminal/text.ts';

interface ProbeOptions extends DataSetModelOptions {
  layers: 'all' | number[];
  concat?: number[];
  norm?: FeatureNorm;
  labelsPerClass?: number;
  draws: number;
  seed: number;
  out?: string;
  plot?: string;
  force: boolean;
  json: boolean;
}

/** One draw of a few labels is too noisy to report. */
const defaultDraws = 5;

export function probeCommand(): Command {
  const command = new Command('probe').description(
    'Fits a linear probe on the mean-pooled features of each layer (multinomial logistic regression by L-BFGS), chooses its regularisation on held-out pictures, fits again on all but the test pictures, and prints the accuracy of each layer. --out writes the probe with the best accuracy on held-out pictures, or the --concat probe. A file probe.safetensors next to a model’s weights is its class head in every verb.',
  );
  return addDataSetModelOptions(command)
    .addOption(
      new Option('--layers <list>', 'all, or a list such as 1,2,3; 0 is embeddings + positions, L the last block')
        .default('all')
        .argParser((text) => (text === 'all' ? text : layerList(text))),
    )
    .addOption(
      new Option('--concat <list>', 'one more probe on these layers concatenated, such as 2,3,4').argParser(layerList),
    )
    .addOption(
      new Option(
        '--norm <norm>',
        'raw: h^l itself; next: after ln_1 of block l, or ln_f (default: the model’s)',
      ).choices(featureNorms),
    )
    .addOption(
      new Option(
        '--labels-per-class <n>',
        'train on n labels per class; cross-validation among them chooses the regularisation',
      ).argParser(integer({ min: 1 })),
    )
    .addOption(
      new Option('--draws <k>', 'with --labels-per-class: number of draws; the figures are means')
        .default(defaultDraws)
        .argParser(integer({ min: 1, max: 1000 })),
    )
    .addOption(new Option('--seed <n>', 'seed of the drawn labels').default(0).argParser(integer({ min: 0 })))
    .option('--out <probe.safetensors>', 'write the probe')
    .option('--plot <file>', 'draw the accuracy of each layer: .svg, .png, or a page .html')
    .option('--force', 'replace files that exist', false)
    .option('--json', 'one JSON object instead of the table', false)
    .addHelpText(
      'after',
      examples(
        'probe --data cifar10 --out probe.safetensors --plot layers.png',
        'probe --data cifar10 --layers 3 --labels-per-class 25',
        'probe --model DIR --data s3://bucket/labelled --concat 10,11,12 --out DIR/probe.safetensors',
      ),
    )
    .action((options: ProbeOptions, command: Command) => probe(options, command));
}

async function probe(options: ProbeOptions, command: Command): Promise<void> {
  const { out, plot, force, json, labelsPerClass, precision, workers } = options;
  if (out !== undefined) checkOutputPath('--out', out, ['.safetensors'], force);
  checkPlotPath('--plot', plot, force);
  if (labelsPerClass === undefined && command.getOptionValueSource('draws') === 'cli') {
    throw new UsageError('--draws goes with --labels-per-class; leave it out');
  }
  const checkpoint = await openNamedCheckpoint(options.model);
  const { config, name } = checkpoint;
  const { candidates, layers } = probeCandidates(options, config.n_layer, name);
  const dataSet = requireLabels(await openNamedDataSet(options, checkpoint));
  const records = await weightsTrainedOn(checkpoint);
  const trained = seenPictures(dataSet, records).split;
  const shares = splitOptions(options, command, trained);
  if (trained !== undefined) {
    process.stderr.write(
      `${printable(name)} was trained on this data: divided as there, with split seed ${shares.seed}\n`,
    );
  }
  const split = splitDataSet(dataSet, shares);
  const { seed, draws: times } = options;
  const draws = drawSplits(dataSet, split, { labelsPerClass, draws: times, seed });
  const norm = options.norm ?? config.feature_norm;
  const features = await featuresOf(checkpoint, dataSet, usedRows(draws), { ...options, layers, norm });
  using bar = progressBar('fits');
  const results = await probeLayers(dataSet, features, {
    candidates,
    draws,
    seed,
    threads: workers,
    onProgress: bar.update,
  });
  bar.stop();

  const kept = options.concat === undefined ? bestProbe(results) : results.at(-1);
  if (results.some(({ converged }) => !converged)) {
    process.stderr.write('some fits stopped before their minimum; their accuracy may be slightly low\n');
  }
  const numbers = numbersOf(results, labelsPerClass !== undefined);
  const facts = {
    model: name,
    precision,
    dataSet,
    norm,
    split: draws[0] ?? split,
    labelsPerClass,
    draws: times,
  };
  await writeOut(json ? asJson(results, kept, facts) : table(numbers.columns, numbers.rows));
  if (plot !== undefined) {
    const title = `Linear probe by layer: ${name} on ${dataSet.name}`;
    const drawing = { kind: 'Image GPT probe', title, svg: plotOf(title, results) };
    await writePlot(plot, { ...drawing, facts: shownFacts(facts), table: numbers }, force);
  }
  if (out !== undefined && kept !== undefined)
    await saveProbe(out, kept, norm, dataSet.classes, trainingRecord('probe', dataSet, shares));
}

async function featuresOf(
  checkpoint: Checkpoint,
  dataSet: DataSet,
  rows: Uint32Array,
  { layers, norm, ...how }: DataSetModelOptions & { layers: number[]; norm: FeatureNorm },
): Promise<LayerFeatures> {
  const request = { features: { layers, norm, pool: 'mean' } } as const;
  await using pool = await openPool(checkpoint, request, how);
  using bar = progressBar('pictures');
  return await extractFeatures(pool, dataSet, rows, {
    layers,
    norm,
    width: checkpoint.config.n_embd,
    onProgress: bar.update,
  });
}

async function saveProbe(
  out: string,
  { layers, probe: { weight, bias } }: ProbeResult,
  norm: FeatureNorm,
  labels: readonly string[],
  record: TrainedOn,
): Promise<void> {
  await writeProbe(out, { layers, norm, labels, weight, bias }, [record]).catch((error: unknown) => {
    throw cannotWrite(out, error);
  });
  process.stderr.write(
    `${printable(out)}: probe on layer ${layers.join(' + ')}, ${labels.length} classes; to make it the model’s class head, name it probe.safetensors and put it next to the weights\n`,
  );
}

function numbersOf(results: readonly ProbeResult[], drawn: boolean): { columns: Column[]; rows: string[][] } {
  const rows = results.map(({ layers, validationAccuracy, testAccuracy, testDeviation, probe }) => [
    layers.join(' + '),
    percent(validationAccuracy),
    percent(testAccuracy),
    ...(drawn ? [percent(testDeviation)] : []),
    probe.penalty.toExponential(1),
  ]);
  const columns: Column[] = [
    { title: 'layer' },
    { title: 'held out %', align: 'right' },
    { title: 'test %', align: 'right' },
    ...(drawn ? [{ title: '±', align: 'right' } as const] : []),
    { title: 'penalty', align: 'right' },
  ];
  return { columns, rows };
}

interface Facts {
  model: string;
  precision: string;
  dataSet: DataSet;
  norm: FeatureNorm;
  split: { train: Uint32Array; validation: Uint32Array; test: Uint32Array };
  labelsPerClass: number | undefined;
  draws: number;
}

function asJson(results: readonly ProbeResult[], kept: ProbeResult | undefined, facts: Facts): string {
  const { model, precision, dataSet, norm, split, labelsPerClass, draws } = facts;
  const shown = ({ layers, validationAccuracy, testAccuracy, testDeviation, probe, converged }: ProbeResult) => ({
    layers,
    validation_accuracy: validationAccuracy,
    test_accuracy: Number.isNaN(testAccuracy) ? null : testAccuracy,
    test_accuracy_deviation: labelsPerClass === undefined ? undefined : testDeviation,
    penalty: probe.penalty,
    converged,
  });
  return `${JSON.stringify({
    model,
    precision,
    data: dataSet.name,
    data_set: dataSetJson(dataSet),
    norm,
    pictures: { train: split.train.length, validation: split.validation.length, test: split.test.length },
    labels_per_class: labelsPerClass,
    draws: labelsPerClass === undefined ? undefined : draws,
    results: results.map(shown),
    kept: kept?.layers,
  })}\n`;
}

/** Facts next to the plot of a page. */
function shownFacts({ norm, split, labelsPerClass, draws }: Facts): [string, string][] {
  const { train, validation, test } = split;
  return [
    ['pictures', `${train.length} to train on, ${validation.length} held out, ${test.length} to test`],
    ['features', norm === 'next' ? 'after the layer norm that follows' : 'before any layer norm'],
    ...(labelsPerClass === undefined
      ? []
      : [['labels', `${labelsPerClass} per class, drawn ${draws} times`] satisfies [string, string]]),
  ];
}

function plotOf(title: string, results: readonly ProbeResult[]): string {
  const single = results.filter(({ layers }) => layers.length === 1);
  const points = (of: (result: ProbeResult) => number): [number, number][] =>
    single.map((result) => [result.layers[0] ?? 0, 100 * of(result)]);
  return lineChart({
    title,
    xLabel: 'layer',
    yLabel: 'accuracy, %',
    series: [
      { name: 'held out', points: points(({ validationAccuracy }) => validationAccuracy) },
      { name: 'test', points: points(({ testAccuracy }) => testAccuracy) },
    ],
  });
}

/** Parser of a list of layers: `1,2,5`. */
function layerList(text: string): number[] {
  const layers = text.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : Number.NaN));
  if (layers.some(Number.isNaN) || new Set(layers).size !== layers.length) {
    throw new InvalidArgumentError('expected different layers, separated by commas, such as 1,2,3');
  }
  return layers;
}
