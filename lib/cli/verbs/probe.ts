import { Command, InvalidArgumentError, Option } from 'commander';
import { type Checkpoint, openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { writeProbe } from '../../checkpoint/probe.ts';
import { cannotWrite, checkOutputPath } from '../../local/output-file.ts';
import { lineChart } from '../../plot/line-chart.ts';
import { UsageError } from '../../ports/error.ts';
import { type FeatureNorm, featureNorms } from '../../ports/model.ts';
import { checkPlotPath, writePlot } from '../../report/plot-file.ts';
import { type DataSet, requireLabels } from '../../training/data/data-set.ts';
import { splitDataSet } from '../../training/data/split.ts';
import { extractFeatures, type LayerFeatures } from '../../training/probe/layer-features.ts';
import { drawSplits, type ProbeResult, probeLayers, usedRows } from '../../training/probe/probe-layers.ts';
import { examples } from '../invocation.ts';
import { openNamedDataSet, splitOptions } from '../options/data-options.ts';
import { addDataSetModelOptions, type DataSetModelOptions, openPool } from '../options/data-set-model.ts';
import { modelDirectory } from '../options/model-option.ts';
import { integer } from '../options/number-option.ts';
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

/** Of a few labels, one draw says little. */
const DEFAULT_DRAWS = 5;

export function probeCommand(): Command {
  const command = new Command('probe').description(
    'Fits a linear probe on the mean-pooled features of each layer (multinomial logistic regression by L-BFGS), chooses its regularisation on held-out pictures, fits again on all but the test pictures, and prints the accuracy by layer. --out writes the probe that did best on the held-out pictures, or the --concat one: as probe.safetensors beside a model’s weights it is the class head of every verb.',
  );
  return addDataSetModelOptions(command)
    .addOption(
      new Option('--layers <list>', 'all, or layers such as 1,2,3: 0 is embeddings + positions, L the last block')
        .default('all')
        .argParser((text) => (text === 'all' ? text : layerList(text))),
    )
    .addOption(
      new Option('--concat <list>', 'a further probe on these layers side by side, such as 2,3,4').argParser(layerList),
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
        'train on so many labels a class, regularised by cross-validation in them',
      ).argParser(integer({ min: 1 })),
    )
    .addOption(
      new Option('--draws <k>', 'with --labels-per-class: how often they are drawn; the figures are means')
        .default(DEFAULT_DRAWS)
        .argParser(integer({ min: 1, max: 1000 })),
    )
    .addOption(new Option('--seed <n>', 'of the drawn labels').default(0).argParser(integer({ min: 0 })))
    .option('--out <probe.safetensors>', 'write the probe')
    .option('--plot <file>', 'draw accuracy by layer, .svg, .png or a page, .html')
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
  const checkpoint = await openCheckpoint(modelDirectory(options.model));
  const { config, name } = checkpoint;
  const layers =
    options.layers === 'all' ? Array.from({ length: config.n_layer + 1 }, (_, layer) => layer) : options.layers;
  const candidates = [...layers.map((layer) => [layer]), ...(options.concat === undefined ? [] : [options.concat])];
  const used = [...new Set(candidates.flat())].sort((a, b) => a - b);
  const tooHigh = used.find((layer) => layer > config.n_layer);
  if (tooHigh !== undefined) {
    throw new UsageError(`layer ${tooHigh}: expected 0 to ${config.n_layer}, the layers of ${name}`);
  }

  const dataSet = requireLabels(await openNamedDataSet(options, checkpoint));
  const split = splitDataSet(dataSet, splitOptions(options));
  const { seed, draws: times } = options;
  const draws = drawSplits(dataSet, split, {
    ...(labelsPerClass !== undefined && { labelsPerClass, draws: times }),
    seed,
  });
  const norm = options.norm ?? config.feature_norm;
  const features = await featuresOf(checkpoint, dataSet, usedRows(draws), { ...options, layers: used, norm });
  using bar = progressBar('fits');
  const results = await probeLayers(dataSet, features, {
    candidates,
    draws,
    seed,
    threads: workers,
    onProgress: bar.update,
  });
  bar.stop();

  const kept = options.concat === undefined ? bestOf(results) : results.at(-1);
  if (results.some(({ converged }) => !converged)) {
    process.stderr.write('some fits ended before they reached their minimum; their accuracy may be a little low\n');
  }
  const numbers = numbersOf(results, labelsPerClass !== undefined);
  const facts = {
    model: name,
    precision,
    data: dataSet.name,
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
  if (out !== undefined && kept !== undefined) {
    const { weight, bias } = kept.probe;
    await writeProbe(out, { layers: kept.layers, norm, labels: dataSet.classes, weight, bias }).catch(
      (error: unknown) => {
        throw cannotWrite(out, error);
      },
    );
    process.stderr.write(
      `${printable(out)}: probe on layer ${kept.layers.join(' + ')}, ${dataSet.classes.length} classes; beside the model’s weights, under the name probe.safetensors, it is its class head\n`,
    );
  }
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

/** By held-out pictures, never by test pictures; the lowest layer among equals. */
function bestOf(results: readonly ProbeResult[]): ProbeResult | undefined {
  return results.reduce<ProbeResult | undefined>(
    (best, result) => (best === undefined || result.validationAccuracy > best.validationAccuracy ? result : best),
    undefined,
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
  data: string;
  norm: FeatureNorm;
  split: { train: Uint32Array; validation: Uint32Array; test: Uint32Array };
  labelsPerClass: number | undefined;
  draws: number;
}

function asJson(results: readonly ProbeResult[], kept: ProbeResult | undefined, facts: Facts): string {
  const { model, precision, data, norm, split, labelsPerClass, draws } = facts;
  const shown = ({ layers, validationAccuracy, testAccuracy, testDeviation, probe, converged }: ProbeResult) => ({
    layers,
    validation_accuracy: validationAccuracy,
    test_accuracy: Number.isNaN(testAccuracy) ? null : testAccuracy,
    ...(labelsPerClass === undefined ? {} : { test_accuracy_deviation: testDeviation }),
    penalty: probe.penalty,
    converged,
  });
  return `${JSON.stringify({
    model,
    precision,
    data,
    norm,
    pictures: { train: split.train.length, validation: split.validation.length, test: split.test.length },
    ...(labelsPerClass === undefined ? {} : { labels_per_class: labelsPerClass, draws }),
    results: results.map(shown),
    ...(kept === undefined ? {} : { kept: kept.layers }),
  })}\n`;
}

/** What a page says beside the plot. */
function shownFacts({ norm, split, labelsPerClass, draws }: Facts): [string, string][] {
  const { train, validation, test } = split;
  return [
    ['pictures', `${train.length} to train on, ${validation.length} held out, ${test.length} to test`],
    ['features', norm === 'next' ? 'after the layer norm that follows' : 'before any layer norm'],
    ...(labelsPerClass === undefined
      ? []
      : [['labels', `${labelsPerClass} a class, drawn ${draws} times`] satisfies [string, string]]),
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
export function layerList(text: string): number[] {
  const layers = text.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : Number.NaN));
  if (layers.some(Number.isNaN) || new Set(layers).size !== layers.length) {
    throw new InvalidArgumentError('expected different layers with commas between them, such as 1,2,3');
  }
  return layers;
}
