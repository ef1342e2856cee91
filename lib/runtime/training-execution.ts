import type { Graph } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-writer.ts';
import { releaseMemory } from '../image-gpt/release-memory.ts';
import { RuntimeError } from './error.ts';
import { InferenceSession, Tensor } from './onnxruntime.ts';

/** A tensor that onnxruntime reads and writes where it lies. */
export type TrainingTensor =
  | { type: 'float32'; data: Float32Array }
  | { type: 'int32'; data: Int32Array }
  | { type: 'bool'; data: Uint8Array };

/** A graph of the training room, opened. */
export interface TrainingExecution {
  /**
   * @param inputs by name; of those the graph takes what it needs
   * @param outputs memory that an output is written to, in place of a new array
   * @returns the other outputs
   */
  run(
    inputs: (name: string) => TrainingTensor,
    outputs: (name: string) => Float32Array | undefined,
  ): Promise<Map<string, Float32Array>>;
  close(): Promise<void>;
}

const LOG_FATAL = 4;

/**
 * Opens a training graph on the CPU. The graph is run as it was written: an optimiser would merge recomputed operations
 * with those of the forward pass. Threads spin between operations, which are many and short; a machine trains one model
 * at a time.
 *
 * @param optimizedModelFilePath where onnxruntime writes the graph that it really runs; for tests
 * @throws RuntimeError `session_failed`
 */
export async function openTrainingExecution(
  graph: Graph,
  threads: number,
  optimizedModelFilePath?: string,
): Promise<TrainingExecution> {
  const session = await InferenceSession.create(writeOnnx(graph), {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Planned at once, all activations would be kept for the whole run.
    enableMemPattern: false,
    // The arena's regions double as it grows, for each lane; the system's allocator is as fast and S takes 0.8 GB less.
    enableCpuMemArena: false,
    logSeverityLevel: LOG_FATAL,
    ...(optimizedModelFilePath !== undefined && { optimizedModelFilePath }),
    // Weights change from run to run: there is nothing to pack ahead.
    extra: { session: { disable_prepacking: '1', intra_op: { allow_spinning: '1' } } },
  }).catch((cause: unknown) => {
    throw new RuntimeError('session_failed', 'onnxruntime cannot open the training graph.', { cause });
  });
  const shapes = new Map(
    [...graph.inputs, ...graph.outputs].map(({ name, shape }) => [name, shape.map(Number)] as const),
  );
  const tensors = new Map<string, { data: TrainingTensor['data']; tensor: Tensor }>();
  /** Tensors of memory that stays are made once. */
  function tensorOf(name: string, { type, data }: TrainingTensor): Tensor {
    const known = tensors.get(name);
    if (known?.data === data) return known.tensor;
    const tensor = new Tensor(type, data, shapes.get(name) ?? []);
    tensors.set(name, { data, tensor });
    return tensor;
  }
  return {
    async run(inputs, outputs) {
      const feeds = Object.fromEntries(session.inputNames.map((name) => [name, tensorOf(name, inputs(name))]));
      const fetches = Object.fromEntries(
        session.outputNames.map((name) => {
          const data = outputs(name);
          return [name, data === undefined ? null : tensorOf(name, { type: 'float32', data })];
        }),
      );
      const results = await session.run(feeds, fetches).catch((cause: unknown) => {
        throw new RuntimeError('run_failed', 'onnxruntime failed to run the training graph.', { cause });
      });
      const own = new Map<string, Float32Array>();
      for (const [name, { data }] of Object.entries(results)) {
        if (!(data instanceof Float32Array)) continue;
        if (fetches[name] === null) own.set(name, data);
        // onnxruntime-node 1.30 copies even what it wrote where it was told to: 1.5 GB in a step of S.
        else releaseMemory(data);
      }
      return own;
    },
    close: () => session.release(),
  };
}
