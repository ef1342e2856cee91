import { basename, join } from 'node:path';
import { openByteFile } from '../checkpoint/byte-file.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type ForwardRequest, forwardGraph } from '../graph/forward-graph.ts';
import type { Graph, GraphValue, Initializer, Value } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-writer.ts';
import { openOutputFile } from '../local/output-file.ts';
import { withoutZeroBiases } from './zero-biases.ts';

export interface ExportOptions {
  /** Layer of the features (default: the model's). */
  layer?: number | undefined;
  /** Replace existing files (default false). */
  force?: boolean | undefined;
  /** Called with the bytes of weights written so far, and in total. */
  progress?: ((done: number, total: number) => void) | undefined;
}

/** What was written. */
export interface ExportedOnnx {
  /** Path of the graph, and of the weights beside it. */
  graph: string;
  weights: string;
  /** Size of the weights (bytes). */
  bytes: number;
  inputs: readonly GraphValue[];
  outputs: readonly GraphValue[];
}

/** Every weight begins at a page, so that onnxruntime can map it. Source: onnx.proto, TensorProto.external_data. */
const alignment = 4096;

/**
 * Writes a model as ONNX: the graph of one picture at `path`, and its weights in `path`.data, whole or not at all. Input
 * `tokens` int32 [1, n] in raster order without SOS (BERT: also `mask` bool [1, n]); outputs `features` [1, d], `classes`
 * [1, C] before softmax, `likelihood` [1, n] (nats) and `logits` [1, n, V], as far as the model has them.
 *
 * @throws GraphError, CheckpointError, ImageGptError
 */
export async function exportOnnx(
  checkpoint: Checkpoint,
  path: string,
  { layer = checkpoint.config.feature_layer, force = false, progress }: ExportOptions = {},
): Promise<ExportedOnnx> {
  const { config, weights, probe } = checkpoint;
  const model = { config, probe, weights: await withoutZeroBiases(weights, config.n_layer) };
  const graph = forwardGraph(model, requestOf(checkpoint, layer));
  const data = `${path}.data`;
  await using file = await openOutputFile(data, force);
  const total = fileBytes(graph);
  const moved = new Map<Value, Initializer>();
  let offset = 0;
  for (const [name, initializer] of graph.initializers) {
    if ('bytes' in initializer) {
      moved.set(name, initializer);
      continue;
    }
    const { length } = initializer;
    moved.set(name, { ...initializer, file: basename(data), offset });
    await using source = await openByteFile(join(weights.directory, initializer.file));
    for await (const piece of source.pieces(initializer.offset, length)) await file.write(piece);
    const padding = (alignment - (length % alignment)) % alignment;
    await file.write(new Uint8Array(padding));
    offset += length + padding;
    progress?.(offset, total);
  }
  await using graphFile = await openOutputFile(path, force);
  await graphFile.write(writeOnnx({ ...graph, initializers: moved }));
  await file.commit();
  await graphFile.commit();
  return { graph: path, weights: data, bytes: offset, inputs: graph.inputs, outputs: graph.outputs };
}

/** All outputs that the model has. */
function requestOf({ config, weights, labels }: Checkpoint, layer: number): ForwardRequest {
  const predicts = weights.lmHead !== undefined;
  return {
    features: { layers: [layer], norm: config.feature_norm, pool: 'mean' },
    classes: labels.length > 0,
    likelihood: predicts && config.objective === 'ar',
    logits: predicts,
  };
}

/** Bytes of the weights in the new file. */
function fileBytes(graph: Graph): number {
  return [...graph.initializers.values()]
    .map((initializer) => ('bytes' in initializer ? 0 : Math.ceil(initializer.length / alignment) * alignment))
    .reduce((sum, bytes) => sum + bytes, 0);
}
