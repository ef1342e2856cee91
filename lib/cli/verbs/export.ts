import { Argument, Command, Option } from 'commander';
import { checkOutputPath } from '../../local/output-file.ts';
import { UsageError } from '../../ports/error.ts';
import { exportOnnx } from '../../runtime/export-onnx.ts';
import { examples } from '../invocation.ts';
import { openNamedCheckpoint } from '../options/model-option.ts';
import { integer } from '../options/number-option.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { printable } from '../terminal/text.ts';

interface ExportOptions {
  onnx: string;
  layer?: number;
  force: boolean;
}

export function exportCommand(): Command {
  return new Command('export')
    .description(
      'Writes a model as ONNX, for other programs: the graph of one picture, and its weights in a file beside it (.data). Input: tokens int32 [1, n] in raster order, without SOS (the graph adds it). Outputs, as far as the model has them: features [1, d], classes [1, C] before softmax or sigmoids, likelihood [1, n] in nats, logits [1, n, V]. onnxruntime opens it in any language; two of its operators are onnxruntime’s own.',
    )
    .addArgument(new Argument('[model]', 'checkpoint directory, or igpt-nano').default('igpt-nano'))
    .requiredOption('--onnx <x.onnx>', 'where to write the graph')
    .addOption(new Option('--layer <l>', 'layer of the features (default: the model’s)').argParser(integer({ min: 0 })))
    .option('--force', 'replace the files if they exist', false)
    .addHelpText('after', examples('export igpt-nano --onnx igpt-nano.onnx'))
    .action((model: string, options: ExportOptions) => exportModel(model, options));
}

/** Bytes per unit of the progress bar. */
const megabyte = 1e6;

async function exportModel(model: string, { onnx, layer, force }: ExportOptions): Promise<void> {
  checkOutputPath('--onnx', onnx, ['.onnx'], force);
  checkOutputPath('--onnx', `${onnx}.data`, ['.data'], force);
  const checkpoint = await openNamedCheckpoint(model);
  const { n_layer } = checkpoint.config;
  if (layer !== undefined && layer > n_layer) {
    throw new UsageError(`--layer ${layer}: expected 0 to ${n_layer}, the layers of ${checkpoint.name}`);
  }
  using bar = progressBar('MB');
  const { weights, bytes, inputs, outputs } = await exportOnnx(checkpoint, onnx, {
    layer,
    force,
    progress: (done, total) => bar.update(Math.round(done / megabyte), Math.round(total / megabyte)),
  });
  bar.stop();
  const described = (values: typeof inputs) =>
    values.map(({ name, type, shape }) => `${name} ${type} [${shape.join(', ')}]`).join(', ');
  process.stderr.write(
    `${printable(onnx)}: ${described(inputs)} -> ${described(outputs)}; weights of ${checkpoint.name} (${(bytes / megabyte).toFixed(1)} MB) in ${printable(weights)}\n`,
  );
}
