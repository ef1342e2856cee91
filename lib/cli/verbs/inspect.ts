import { Command } from 'commander';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { variantCheckpoint } from '../../checkpoint/initial-weights.ts';
import { type CheckpointSummary, summarize } from '../../checkpoint/summary.ts';
import { chosenVariant } from '../../checkpoint/variants.ts';
import { UsageError } from '../../ports/error.ts';
import { examples } from '../invocation.ts';
import { openNamedCheckpoint } from '../options/model-option.ts';
import { headsOption, resolutionOption, variantOption } from '../options/new-model-options.ts';
import { classInputFact } from '../terminal/model-text.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { table } from '../terminal/table.ts';
import { printable } from '../terminal/text.ts';

interface InspectOptions {
  json: boolean;
  variant?: string;
  resolution?: string;
  heads?: number;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description(
      'Describes a checkpoint: variant, parameters, resolution, palette, layers, labels, dtype, and the cost of each output in GFLOP. Reads the headers of the files but not the weights; igpt verify checks the weights.',
    )
    .argument('[model]', 'checkpoint directory, or igpt-nano')
    .addOption(variantOption())
    .addOption(resolutionOption())
    .addOption(
      headsOption(
        "attention heads, with --variant (default: the variant's; 24 for xl, whose number was never published)",
      ),
    )
    .option('--json', 'as one JSON object', false)
    .addHelpText(
      'after',
      examples('inspect igpt-nano', 'inspect igpt-nano --json', 'inspect --variant xl --resolution 64'),
    )
    .action((model: string | undefined, options: InspectOptions) => inspect(model, options));
}

async function inspect(model: string | undefined, options: InspectOptions): Promise<void> {
  const { name, checkpoint } = await chosen(model, options);
  const summary = summarize(checkpoint);
  const probe = probeFacts(checkpoint);
  await writeOut(options.json ? `${JSON.stringify({ ...summary, probe })}\n` : describe(name, summary, probe));
}

/** A checkpoint on disk, or one of the paper's sizes without any file. */
async function chosen(
  model: string | undefined,
  { variant, resolution, heads }: InspectOptions,
): Promise<{ name: string; checkpoint: Checkpoint }> {
  if (variant !== undefined) {
    if (model !== undefined)
      throw new UsageError(`expected a model or --variant, received both (${model}, ${variant})`);
    const { name, config } = chosenVariant({ variant, resolution, heads });
    return { name, checkpoint: variantCheckpoint(name, config) };
  }
  if (model === undefined)
    throw new UsageError("expected a model, or --variant with one of the paper's sizes; received neither");
  if (resolution !== undefined || heads !== undefined) {
    throw new UsageError('--resolution and --heads go with --variant, because a model has its own; leave them out');
  }
  return { name: model, checkpoint: await openNamedCheckpoint(model) };
}

/** The layers that the probe reads, and whether it reads them before or after the next norm. */
type ProbeFacts = { layers: readonly number[]; norm: string } | null;

function probeFacts({ probe }: Checkpoint): ProbeFacts {
  return probe === undefined ? null : { layers: probe.layers, norm: probe.norm };
}

const filterNames = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'];

/** Most labels in the table. */
const shownLabels = 20;

function describe(model: string, summary: CheckpointSummary, probe: ProbeFacts): string {
  const count = (value: number) => value.toLocaleString('en');
  const { resolution, resample, labels } = summary;
  const more = labels.length > shownLabels ? `, … (${labels.length - shownLabels} more, see --json)` : '';
  const facts = [
    ['name', summary.name],
    ['variant', summary.variant === 'custom' ? 'none of the paper’s (S, M, L, XL)' : `iGPT-${summary.variant}`],
    ['objective', summary.objective === 'ar' ? 'autoregressive (next token)' : 'BERT (masked tokens)'],
    [
      'parameters',
      `${count(summary.parameters)} (${count(summary.paper_parameters)} as the paper counts: no biases, no class head)`,
    ],
    ['layers', `${summary.n_layer} of width ${summary.n_embd}, ${summary.n_head} heads`],
    [
      'pictures',
      resolution === null
        ? `${summary.n_positions} tokens; without preprocessor_config.json the model takes tokens only`
        : `${resolution.width}x${resolution.height}, ${summary.n_positions} tokens`,
    ],
    ['preprocessing', resolution === null ? 'none' : `crop ${summary.crop}, filter ${filterNames[resample ?? -1]}`],
    ['activation', summary.activation_function],
    ['palette', `${summary.n_colors} colours`],
    ['features', `layer ${summary.feature_layer}, norm ${summary.feature_norm}`],
    ['class head', classHead(summary)],
    ...classInputFact(summary),
    ...(probe === null ? [] : [['probe', `layers ${probe.layers.join(', ')}, norm ${probe.norm}`]]),
    ['labels', labels.length === 0 ? 'none' : labels.slice(0, shownLabels).join(', ') + more],
    ...(summary.unknown_keys.length === 0
      ? []
      : [['unknown keys', `${summary.unknown_keys.join(', ')} in config.json: ignored, as in transformers`]]),
    [
      'weights',
      `${summary.dtype}, ${count(summary.bytes)} bytes, ${summary.layout === 'openai' ? 'OpenAI' : 'Hugging Face'} layout`,
    ],
  ];
  const costs = summary.costs.map(({ output, own_pass, layers, gflop, gflop_causal }) => [
    own_pass ? `${output}, a second pass beside others` : output,
    String(layers),
    figure(gflop),
    figure(gflop_causal),
  ]);
  return [
    table(
      [{ title: 'model' }, { title: printable(model) }],
      facts.map((cells) => cells.map(printable)),
    ),
    table(
      [
        { title: 'output' },
        { title: 'blocks', align: 'right' },
        { title: 'GFLOP per picture', align: 'right' },
        { title: 'causal half only', align: 'right' },
      ],
      costs,
    ),
  ].join('\n');
}

function classHead({ class_head, class_function, no_classes, labels }: CheckpointSummary): string {
  if (class_head === null) return 'none';
  if (no_classes !== null) return `${class_head}, not used: ${no_classes}`;
  if (labels.length === 1) return `${class_head}, 1 class, a sigmoid`;
  const reading = class_function === 'sigmoid' ? 'a sigmoid each, so that several may apply' : 'of which one applies';
  return `${class_head}, ${labels.length} classes, ${reading}`;
}

/** Four significant digits, without an exponent. */
function figure(value: number): string {
  return String(Number(value.toPrecision(4)));
}
