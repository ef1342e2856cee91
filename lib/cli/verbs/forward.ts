import { setImmediate } from 'node:timers/promises';
import { Command, Option } from 'commander';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { withInput } from '../../checkpoint/class-input.ts';
import type { ForwardRequest } from '../../graph/forward-graph.ts';
import { encodeNpyHeader, littleEndianBytes } from '../../image-gpt/npy.ts';
import { openTokenRows } from '../../local/npy-file.ts';
import { checkOutputPath, openOutputFile } from '../../local/output-file.ts';
import { ImageGptError, UsageError } from '../../ports/error.ts';
import { type ClassInput, type FeatureNorm, featureNorms, type Precision, type Provider } from '../../ports/model.ts';
import { openForward } from '../../runtime/forward.ts';
import { inPrecision } from '../../runtime/precision.ts';
import { examples, samplePictures } from '../invocation.ts';
import { precisionOption, providerOption, sayDevice, threadsOption } from '../options/compute-options.ts';
import { inputOption } from '../options/input-option.ts';
import { modelOption, openNamedCheckpoint } from '../options/model-option.ts';
import { integer } from '../options/number-option.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { printable } from '../terminal/text.ts';

const outputs = ['logits', 'features', 'likelihood', 'classes'] as const;

interface ForwardOptions {
  model: string;
  tokens: string;
  output: (typeof outputs)[number];
  layer?: number;
  pool: 'mean' | 'none';
  norm: FeatureNorm;
  mask?: string;
  input?: ClassInput;
  out: string;
  force: boolean;
  threads: number;
  precision: Precision;
  provider: Provider;
  batch: number;
}

export function forwardCommand(): Command {
  return new Command('forward')
    .description(
      'Runs the model on tokens: any integer npy [N, n], pictures in raster order, without SOS (the model adds it, except for classes of plain tokens). Writes <f4 in C order: logits [N, n, V]; likelihood [N, n] in nats; classes [N, C], before softmax or sigmoids; features [N, d], or [N, n, d] with --pool none.',
    )
    .addOption(modelOption())
    .requiredOption('--tokens <x.npy>', 'tokens [N, n], any integer type')
    .addOption(new Option('--output <name>', 'what to compute').choices(outputs).makeOptionMandatory())
    .addOption(
      new Option(
        '--layer <l>',
        'layer of the features: 0 is embeddings + positions, L the last block (default: L/2, rounded down)',
      ).argParser(integer({ min: 0 })),
    )
    .addOption(
      new Option('--pool <pool>', 'mean: average over the tokens; none: features of each token')
        .choices(['mean', 'none'])
        .default('mean'),
    )
    .addOption(
      new Option('--norm <norm>', 'raw: h^l itself; next: after ln_1 of block l, or ln_f for l = L')
        .choices(featureNorms)
        .default('next'),
    )
    .option('--mask <m.npy>', 'BERT models: [N, n], 1 = masked (default: nothing masked)')
    .requiredOption('--out <y.npy>', 'where to write')
    .option('--force', 'replace <y.npy> if it exists', false)
    .addOption(inputOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .addOption(providerOption())
    .addOption(
      new Option('--batch <b>', 'pictures per write, and side by side on a GPU')
        .default(1)
        .argParser(integer({ min: 1, max: 1024 })),
    )
    .addHelpText(
      'after',
      examples(
        `quantize ${samplePictures()}/animals/* --out tokens.npy`,
        'forward --tokens tokens.npy --output features --out features.npy',
        'forward --tokens tokens.npy --output classes --out classes.npy',
      ),
    )
    .action((options: ForwardOptions, command: Command) => forward(options, command));
}

async function forward(options: ForwardOptions, command: Command): Promise<void> {
  const { output, pool, norm, out, force, batch } = options;
  checkOutputPath('--out', out, ['.npy'], force);
  if (options.input !== undefined && output !== 'classes') {
    throw new UsageError(`--input goes with --output classes, not with --output ${output}; leave it out`);
  }
  const checkpoint = withInput(await openNamedCheckpoint(options.model), options.input);
  const { config } = checkpoint;
  const { n_positions: n, n_colors: colors, n_layer } = config;
  const { layer = Math.floor(n_layer / 2) } = options;
  refuseMeaninglessOptions(command, output, checkpoint);
  if (layer > n_layer) {
    throw new UsageError(`--layer ${layer}: expected 0 to ${n_layer}, the layers of ${checkpoint.name}`);
  }
  await using tokens = await openTokenRows(options.tokens, { columns: n, below: colors, what: 'token' });
  await using mask =
    options.mask === undefined
      ? undefined
      : await openTokenRows(options.mask, { columns: n, below: 2, what: 'mask value' });
  if (mask !== undefined && mask.rows !== tokens.rows) {
    throw new ImageGptError(
      'wrong_shape',
      `${options.mask}: expected [${tokens.rows}, ${n}], a row for each row of --tokens, received [${mask.rows}, ${n}]`,
    );
  }
  const request: ForwardRequest =
    output === 'features' ? { features: { layers: [layer], norm, pool } } : { [output]: true };
  const precise = await inPrecision(checkpoint, options.precision);
  await using model = await openForward(precise.checkpoint, request, {
    threads: options.threads,
    provider: options.provider,
    batch,
  });
  const shape = [tokens.rows, ...shapeOf(options, checkpoint)];
  await sayDevice(options.provider, options.precision);
  await using file = await openOutputFile(out, force);
  using bar = progressBar('pictures');
  await file.write(encodeNpyHeader('f4', shape));
  for (let start = 0; start < tokens.rows; start += batch) {
    const count = Math.min(batch, tokens.rows - start);
    const masked = mask === undefined ? undefined : Uint8Array.from(await mask.read(start, count));
    const results = await model.execute(await tokens.read(start, count), masked);
    const values = results.get(output);
    if (values === undefined) {
      throw new Error(`the graph has no output ${output}`);
    }
    await file.write(littleEndianBytes(values.data));
    bar.update(start + count, tokens.rows);
    // The model blocks this thread: let the bar move and Ctrl-C arrive.
    await setImmediate();
  }
  bar.stop();
  await file.commit();
  process.stderr.write(
    `${printable(out)}: float32 [${shape.join(', ')}], ${output} of ${printable(checkpoint.name)}\n`,
  );
}

/** Shape of one picture's output. */
function shapeOf({ output, pool }: ForwardOptions, { config, labels }: Checkpoint): number[] {
  const { n_positions: n, n_colors: colors, n_embd: d } = config;
  switch (output) {
    case 'logits':
      return [n, colors];
    case 'likelihood':
      return [n];
    case 'classes':
      return [labels.length];
    case 'features':
      return pool === 'mean' ? [d] : [n, d];
  }
}

/** Refuses options without effect, and outputs that the model does not have, before any work. */
function refuseMeaninglessOptions(
  command: Command,
  output: string,
  { name, config, weights, labels }: Checkpoint,
): void {
  const meaningless = ['layer', 'pool', 'norm'].find((flag) => command.getOptionValueSource(flag) === 'cli');
  if (output !== 'features' && meaningless !== undefined) {
    throw new UsageError(`--${meaningless} goes with --output features, not with --output ${output}; leave it out`);
  }
  const bert = config.objective === 'bert';
  if (!bert && command.getOptionValueSource('mask') === 'cli') {
    throw new UsageError(`--mask is for BERT models, but ${name} is autoregressive; leave it out`);
  }
  if (bert && output === 'likelihood') {
    throw new UsageError(`${name} is a BERT model, which has no likelihood of a picture; --output logits works`);
  }
  if (output === 'classes' && labels.length === 0) {
    throw new UsageError(`${name} has no class head (score.weight or probe.safetensors); --output features works`);
  }
  if ((output === 'logits' || output === 'likelihood') && weights.lmHead === undefined) {
    throw new UsageError(`${name} has no lm_head.weight, so no ${output}; --output features works`);
  }
}
