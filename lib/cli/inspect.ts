import { Command } from 'commander';
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.ts';
import { type CheckpointSummary, summarize } from '../checkpoint/summary.ts';
import { examples } from './examples.ts';
import { modelDirectory } from './model-option.ts';
import { printable } from './printable.ts';
import { writeOut } from './standard-output.ts';
import { table } from './table.ts';

interface InspectOptions {
  json: boolean;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .summary('what a checkpoint is: variant, size, palette, labels, cost')
    .description(
      'Says what a checkpoint is: variant, parameters, resolution, palette, layers, labels, dtype, and what each output costs in GFLOP.',
    )
    .argument('<model>', 'checkpoint directory, or igpt-nano')
    .option('--json', 'as one JSON object', false)
    .addHelpText('after', examples('inspect igpt-nano', 'inspect igpt-nano --json'))
    .action((model: string, options: InspectOptions) => inspect(model, options));
}

async function inspect(model: string, { json }: InspectOptions): Promise<void> {
  const checkpoint = await openCheckpoint(modelDirectory(model));
  const summary = summarize(checkpoint);
  const probe = probeFacts(checkpoint);
  await writeOut(json ? `${JSON.stringify({ ...summary, probe })}\n` : describe(model, summary, probe));
}

/** What the probe reads: h^l of which layers, after which norm. */
type ProbeFacts = { layers: readonly number[]; norm: string } | null;

function probeFacts({ probe }: Checkpoint): ProbeFacts {
  return probe === undefined ? null : { layers: probe.layers, norm: probe.norm };
}

const SAMPLERS = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'];

/** More labels would push everything else off the screen. */
const LABELS_SHOWN = 20;

function describe(model: string, summary: CheckpointSummary, probe: ProbeFacts): string {
  const count = (value: number) => value.toLocaleString('en');
  const { resolution, resample, labels } = summary;
  const more = labels.length > LABELS_SHOWN ? `, … (${labels.length - LABELS_SHOWN} more, see --json)` : '';
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
        ? `${summary.n_positions} tokens; no preprocessor_config.json, so it takes tokens only`
        : `${resolution.width}x${resolution.height}, ${summary.n_positions} tokens`,
    ],
    ['preprocessing', resolution === null ? 'none' : `crop ${summary.crop}, filter ${SAMPLERS[resample ?? -1]}`],
    ['palette', `${summary.n_colors} colours`],
    ['features', `layer ${summary.feature_layer}, norm ${summary.feature_norm}`],
    ['class head', summary.class_head === null ? 'none' : `${summary.class_head}, ${labels.length} classes`],
    ...(probe === null ? [] : [['probe', `layers ${probe.layers.join(', ')}, norm ${probe.norm}`]]),
    ['labels', labels.length === 0 ? 'none' : labels.slice(0, LABELS_SHOWN).join(', ') + more],
    [
      'weights',
      `${summary.dtype}, ${count(summary.bytes)} bytes, ${summary.layout === 'openai' ? 'OpenAI' : 'Hugging Face'} layout`,
    ],
  ];
  const costs = summary.costs.map(({ output, layers, gflop, gflop_causal }) => [
    output,
    String(layers),
    gflop.toPrecision(4),
    gflop_causal.toPrecision(4),
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
        { title: 'GFLOP a picture', align: 'right' },
        { title: 'causal half only', align: 'right' },
      ],
      costs,
    ),
  ].join('\n');
}
