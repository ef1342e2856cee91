import { join } from 'node:path';
import { Command, Option } from 'commander';
import { withInput } from '../../checkpoint/class-input.ts';
import type { DerivedPrecision } from '../../checkpoint/derived/derived-file.ts';
import { planText } from '../../checkpoint/derived/precision-plan.ts';
import { requirePreprocessing } from '../../checkpoint/preprocessor-file.ts';
import { readTokens } from '../../decode/read-tokens.ts';
import { openInputDirectory } from '../../local/input-directory.ts';
import { statPath } from '../../local/stat-path.ts';
import { ImageGptError, UsageError } from '../../ports/error.ts';
import { type ClassInput, precisions } from '../../ports/model.ts';
import { comparePrecision, type PrecisionReport } from '../../runtime/compare-precision.ts';
import { inPrecision } from '../../runtime/precision.ts';
import { examples, samplePicturePath, samplePictures } from '../invocation.ts';
import { inputOption } from '../options/input-option.ts';
import { openNamedCheckpoint } from '../options/model-option.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { table } from '../terminal/table.ts';
import { printable } from '../terminal/text.ts';
import { createSkippedFiles } from '../terminal/trouble.ts';

const derivedPrecisions = precisions.filter((precision) => precision !== 'f32');

interface QuantizeWeightsOptions {
  pictures: string;
  precision?: DerivedPrecision;
  input?: ClassInput;
  again: boolean;
  json: boolean;
}

/** One derived file, compared with f32. */
interface Report extends PrecisionReport {
  precision: DerivedPrecision;
  file: string;
  /** Sizes of the weights (bytes). */
  bytes: { other: number; checkpoint: number };
  /** Format of each matrix: i int8, u int8 without the gain, b and B blocks of 32 and 128, f f32. */
  formats: string | null;
}

export function quantizeWeightsCommand(): Command {
  return new Command('quantize-weights')
    .description(
      'Makes a checkpoint’s int8, int8-block and f16 weights, keeps them in the cache (IGPT_CACHE), and compares each with f32 on real pictures: classes, likelihood, features of each layer, size, speed.',
    )
    .argument('<model>', 'checkpoint directory, or igpt-nano')
    .option('--pictures <dir>', 'directory of pictures, read with its subdirectories', samplePicturePath(''))
    .addOption(new Option('--precision <p>', 'only this number format (default: all)').choices(derivedPrecisions))
    .addOption(inputOption())
    .option('--again', 'make the files again, even if they exist', false)
    .option('--json', 'one JSON object per line and precision instead of a table', false)
    .addHelpText('after', examples(`quantize-weights igpt-nano --pictures ${samplePictures()}`))
    .action((model: string, options: QuantizeWeightsOptions) => quantizeWeights(model, options));
}

async function quantizeWeights(model: string, options: QuantizeWeightsOptions): Promise<void> {
  const checkpoint = withInput(await openNamedCheckpoint(model), options.input);
  const { directory } = checkpoint;
  const recipe = requirePreprocessing(directory, checkpoint.preprocessing);
  const files = await filesUnder(options.pictures);
  const { tokens, failed } = await readTokens(files, recipe);
  if (tokens.length === 0) {
    throw new ImageGptError(
      'no_pictures',
      `${options.pictures}: expected pictures, received ${failed.length} other files`,
    );
  }
  if (failed.length > 0) {
    const files = failed.length === 1 ? '1 file' : `${failed.length} files`;
    process.stderr.write(`left out: ${files}, not readable as a picture\n`);
  }

  const chosen = derivedPrecisions.filter(
    (precision) => options.precision === undefined || precision === options.precision,
  );
  const reports: Report[] = [];
  using bar = progressBar('pictures');
  for (const precision of chosen) {
    bar.update(0, undefined, `making ${precision}`);
    const { checkpoint: other, derived } = await inPrecision(checkpoint, precision, { again: options.again });
    if (derived === undefined) continue;
    const compared = await comparePrecision(checkpoint, other, tokens, (done) =>
      bar.update(done, tokens.length, precision),
    );
    reports.push({
      precision,
      file: derived.path,
      bytes: { other: derived.bytes, checkpoint: checkpoint.weightBytes },
      formats: derived.plan === undefined ? null : planText(derived.plan),
      ...compared,
    });
  }
  bar.stop();
  await writeOut(
    options.json
      ? reports.map((report) => `${JSON.stringify(report)}\n`).join('')
      : describe(reports, checkpoint.config.n_layer),
  );
}

async function filesUnder(path: string): Promise<string[]> {
  if (statPath(path, `--pictures ${path}`)?.isDirectory() !== true) {
    throw new UsageError(`--pictures ${path}: expected a directory of pictures`);
  }
  using skipped = createSkippedFiles();
  const directory = await openInputDirectory(path, { onSkipped: skipped.add });
  return await Array.fromAsync(directory.list(), ({ key }) => join(path, key));
}

function describe(reports: readonly Report[], layers: number): string {
  const right = { align: 'right' } as const;
  const middle = Math.floor(layers / 2);
  const rows = reports.map((report) => [
    report.precision,
    report.top1Agreement === undefined ? '-' : `${(100 * report.top1Agreement).toFixed(1)} %`,
    report.likelihoodShift === undefined ? '-' : report.likelihoodShift.mean.toFixed(5),
    report.likelihoodShift === undefined ? '-' : report.likelihoodShift.largest.toFixed(5),
    ...[middle, layers].map((layer) => (report.featureCosines[layer] ?? Number.NaN).toFixed(5)),
    Math.min(...report.featureCosines).toFixed(5),
    `${(report.bytes.other / 1e6).toFixed(1)} MB`,
    (report.bytes.checkpoint / report.bytes.other).toFixed(2),
    (report.seconds.f32 / report.seconds.other).toFixed(2),
    finer(report.formats),
  ]);
  const columns = [
    { title: 'precision' },
    ...[
      'same top-1',
      'nats, mean',
      'nats, largest',
      `cosine layer ${middle}`,
      `layer ${layers}`,
      'lowest',
      'size',
      'times smaller',
      'times as fast',
      'finer matrices',
    ].map((title) => ({ title, ...right })),
  ];
  const [first] = reports;
  const paths = reports.map(({ precision, file }) => `  ${precision}: ${printable(file)}\n`).join('');
  return `${table(columns, rows)}\n${first?.pictures ?? 0} pictures, compared with f32 on one thread; each cosine is the lowest over the pictures.\n${paths}`;
}

/** Number of matrices in a finer format than the precision's own. */
function finer(formats: string | null): string {
  return formats === null ? '0' : String([...formats].filter((format) => format !== 'i' && format !== 'B').length);
}
