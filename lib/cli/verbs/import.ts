import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { CheckpointError } from '../../checkpoint/error.ts';
import { findInHubCache } from '../../checkpoint/hub/hub-cache.ts';
import { type HubModel, parseHubName } from '../../checkpoint/hub/hub-model.ts';
import { readHubSettings } from '../../checkpoint/hub/hub-settings.ts';
import { type Imported, importCheckpoint } from '../../checkpoint/import/import-checkpoint.ts';
import { checkNewDirectory } from '../../checkpoint/import/new-directory.ts';
import { summarize } from '../../checkpoint/summary.ts';
import type { LeftOut } from '../../checkpoint/training-tensors.ts';
import { statPath } from '../../local/stat-path.ts';
import { userCache } from '../../local/user-cache.ts';
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
  const { format, checkpoint, path, others, leftOut, probeBeside, nonFinite } =
    hub === undefined ? await convert(src, undefined, options, bar) : await fromHub(hub, options, bar);
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

function convert(
  path: string,
  name: string | undefined,
  { out, palette, heads, dtype, input, key, force }: ImportOptions,
  bar: ProgressBar,
): Promise<Imported> {
  return importCheckpoint(path, out, {
    palette,
    heads,
    dtype: chosenDtype(dtype),
    input,
    name,
    key,
    force,
    progress: (done, total) => bar.update(Math.round(done / megabyte), Math.round(total / megabyte), 'writing'),
  });
}

/**
 * Imports from the cache of Hugging Face's own tools if it holds the model, without the network. A download is kept until
 * it is imported, so that an interrupted download is resumed.
 */
async function fromHub(model: HubModel, options: ImportOptions, bar: ProgressBar): Promise<Imported> {
  const { cache, offline, ...hub } = await readHubSettings(process.env);
  const cached = await findInHubCache(model, cache);
  if (cached !== undefined && (cached.hasPalette || options.palette !== undefined)) {
    return convert(cached.directory, model.repo, options, bar);
  }
  const name = `${model.repo}@${model.revision}`;
  // from_pretrained fetches a model without its palette.
  const advice =
    cached &&
    `${cache} holds ${name}, but not its palette. Download only ${hub.hubUrl}/${model.repo}/resolve/${model.revision}/preprocessor_config.json, and pass it with --palette.`;
  if (offline) {
    throw new CheckpointError(
      'download_failed',
      advice === undefined
        ? `HF_HUB_OFFLINE is set, but ${cache} does not hold ${name}; unset it, or give a directory.`
        : `HF_HUB_OFFLINE is set. ${advice}`,
    );
  }
  const directory = join(userCache(), 'hub', name.replaceAll('/', '--'));
  // Loaded only when needed: it would slow the start of every other import.
  const { downloadModel } = await import('../../checkpoint/hub/hub-download.ts');
  await downloadModel(model, {
    ...hub,
    directory,
    progress: (done, total) => bar.update(Math.round(done / megabyte), Math.round(total / megabyte), 'downloading'),
  }).catch((error: unknown) => {
    if (advice === undefined || !(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(error.code, `${error.message} ${advice}`, { cause: error });
  });
  const imported = await convert(directory, model.repo, options, bar);
  await rm(directory, { recursive: true, force: true });
  return imported;
}
