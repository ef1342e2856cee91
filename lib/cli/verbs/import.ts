import { Command } from 'commander';
import { type HubModel, parseHubName } from '../../checkpoint/hub/hub-model.ts';
import { type Imported, importCheckpoint } from '../../checkpoint/import/import-checkpoint.ts';
import { importHubModel } from '../../checkpoint/import/import-hub-model.ts';
import { checkNewDirectory } from '../../checkpoint/import/new-directory.ts';
import { summarize } from '../../checkpoint/summary.ts';
import type { LeftOut } from '../../checkpoint/training-tensors.ts';
import { statPath } from '../../local/stat-path.ts';
import type { ClassInput } from '../../ports/model.ts';
import { examples } from '../invocation.ts';
import { inputOption } from '../options/input-option.ts';
import { chosenDtype, dtypeOption, headsOption } from '../options/new-model-options.ts';
import { nonFiniteText, writtenModel } from '../terminal/model-text.ts';
import { type ProgressBar, progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';

interface ImportOptions {
  out: string;
  palette?: string;
  heads?: number;
  dtype?: string;
  input?: ClassInput;
  key?: string;
  force: boolean;
  json: boolean;
}

export function importCommand(): Command {
  return new Command('import')
    .description(
      'Makes a model directory from weights in any published format: PyTorch (.bin, zip or legacy), TensorFlow (.index and its data files) or safetensors, in one file or in shards. SRC is a directory, a file, or a name on the Hugging Face hub; the hub’s cache on this machine comes first. HF_TOKEN gives access to private models. No code in a file is run.',
    )
    .argument('<src>', 'directory, file, or organisation/name on the hub (organisation/name@revision)')
    .requiredOption('--out <dir>', 'model directory to make')
    .option(
      '--palette <file>',
      'colours: kmeans_centers.npy or a preprocessor_config.json (default: the file next to the weights)',
    )
    .addOption(headsOption('attention heads, if neither config.json nor the weights say'))
    .addOption(dtypeOption('number format to write (default: unchanged)'))
    .addOption(inputOption())
    .option('--key <path>', 'which model to take from a PyTorch file with several (for example ema)')
    .option('--force', 'replace an existing model', false)
    .option('--json', 'as one JSON object', false)
    .addHelpText(
      'after',
      examples(
        'import openai/imagegpt-small --out igpt-s',
        'import model.ckpt-131000.index --palette kmeans_centers.npy --out igpt-s-bert',
      ),
    )
    .action((src: string, options: ImportOptions) => importModel(src, options));
}

async function importModel(src: string, options: ImportOptions): Promise<void> {
  const { out, force } = options;
  using bar = progressBar('MB');
  await checkNewDirectory(out, force);
  // TensorFlow names a checkpoint `ckpt/model.ckpt-131000`, which looks like a name of the hub.
  const there = statPath(src, src) ?? statPath(`${src}.index`, src);
  const hub = there === undefined ? parseHubName(src) : undefined;
  const { format, checkpoint, path, others, leftOut, probeBeside, nonFinite } = await importFrom(
    src,
    hub,
    options,
    bar,
  );
  bar.stop();
  if (nonFinite.length > 0) process.stderr.write(`warning: ${nonFiniteText(nonFinite)}; imported unchanged\n`);
  const summary = summarize(checkpoint);
  await writeOut(
    options.json
      ? `${JSON.stringify({ directory: out, format, key: path, other_models: others, left_out: leftOut, probe_beside: probeBeside, ...summary, non_finite: nonFinite })}\n`
      : writtenModel(out, summary, [
          ['imported from', path === '' ? format : `${format}, ${path}`],
          ...otherModels(others),
          ...leftOutTensors(leftOut),
          ...(probeBeside
            ? [['not imported', `probe.safetensors; to keep it as the class head, copy it into ${out}`] as const]
            : []),
        ]),
  );
}

type Row = readonly [string, string];

function otherModels(paths: readonly string[]): Row[] {
  return paths.map((path) => [
    'not imported',
    path === '' ? 'the outermost model; take it without --key' : `${path}, another model; take it with --key ${path}`,
  ]);
}

/** Most groups of tensors that are named. */
const namedGroups = 6;

function leftOutTensors(groups: readonly LeftOut[]): Row[] {
  if (groups.length === 0) return [];
  const named = groups
    .slice(0, namedGroups)
    .map(({ name, tensors }) => (tensors === 1 ? name : `${name} (${tensors.toLocaleString('en')} tensors)`));
  const more = groups.length > namedGroups ? [`${groups.length - namedGroups} more`] : [];
  return [['left out', [...named, ...more].join(', ')]];
}

/** Bytes per unit of the progress bar. */
const megabyte = 1e6;

function importFrom(
  src: string,
  hub: HubModel | undefined,
  { out, palette, heads, dtype, input, key, force }: ImportOptions,
  bar: ProgressBar,
): Promise<Imported> {
  const show = (what: string) => (done: number, total: number) =>
    bar.update(Math.round(done / megabyte), Math.round(total / megabyte), what);
  const options = { palette, heads, dtype: chosenDtype(dtype), input, key, force, progress: show('writing') };
  return hub === undefined
    ? importCheckpoint(src, out, options)
    : importHubModel(hub, out, { ...options, downloading: show('downloading') });
}
