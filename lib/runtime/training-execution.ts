import type { Graph } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-writer.ts';
import { releaseMemory } from '../image-gpt/release-memory.ts';
import { RuntimeError } from './error.ts';
import { InferenceSession, logFatal, Tensor } from './onnxruntime.ts';

/** A tensor that onnxruntime reads and writes in place. */
export type TrainingTensor =
  | { type: 'float32'; data: Float32Array }
  | { type: 'int32'; data: Int32Array }
  | { type: 'bool'; data: Uint8Array };

/** An open training graph. */
export interface TrainingExecution {
  /**
   * @param inputs returns an input by name; called for the inputs of the graph
   * @param outputs returns the array that an output is written to; undefined for a new array
   * @returns the outputs in new arrays
   */
  execute(
    inputs: (name: string) => TrainingTensor,
    outputs: (name: string) => Float32Array | undefined,
  ): Promise<Map<string, Float32Array>>;
  close(): Promise<void>;
}

/**
 * Opens a training graph on the CPU. onnxruntime must not optimise it: it would merge recomputed operations with those
 * of the forward pass. Threads spin between operations, because operations are many and short, and a machine trains one
 * model at a time.
 *
 * @param optimizedModelFilePath where onnxruntime writes the graph that it executes; for tests
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
    // With planned memory, all activations would be kept for the whole execution.
    enableMemPattern: false,
    // The arena doubles as it grows, in each lane. The system's allocator is as fast, and S takes 0.8 GB less.
    enableCpuMemArena: false,
    logSeverityLevel: logFatal,
    ...(optimizedModelFilePath !== undefined && { optimizedModelFilePath }),
    // Weights change with each execution, so prepacking them is useless.
    extra: { session: { disable_prepacking: '1', intra_op: { allow_spinning: '1' } } },
  }).catch((cause: unknown) => {
    throw new RuntimeError('session_failed', 'onnxruntime cannot open the training graph; the cause says why.', {
      cause,
    });
  });
  const shapes = new Map(
    [...graph.inputs, ...graph.outputs].map(({ name, shape }) => [name, shape.map(Number)] as const),
  );
  const tensors = new Map<string, { data: TrainingTensor['data']; tensor: Tensor }>();
  /** The tensor of an array, created once as long as the array is the same. */
  function tensorOf(name: string, { type, data }: TrainingTensor): Tensor {
    const known = tensors.get(name);
    if (known?.data === data) return known.tensor;
    const tensor = new Tensor(type, data, shapes.get(name) ?? []);
    tensors.set(name, { data, tensor });
    return tensor;
  }
  return {
    async execute(inputs, outputs) {
      const feeds = Object.fromEntries(session.inputNames.map((name) => [name, tensorOf(name, inputs(name))]));
      const fetches = Object.fromEntries(
        session.outputNames.map((name) => {
          const data = outputs(name);
          return [name, data === undefined ? null : tensorOf(name, { type: 'float32', data })];
        }),
      );
      const results = await session.run(feeds, fetches).catch((cause: unknown) => {
        throw new RuntimeError('run_failed', 'onnxruntime failed to execute the training graph; the cause says why.', {
          cause,
        });
      });
      const others = new Map<string, Float32Array>();
      for (const [name, { data }] of Object.entries(results)) {
        if (!(data instanceof Float32Array)) continue;
        if (fetches[name] === null) others.set(name, data);
        // onnxruntime-node 1.30 also returns copies of the outputs that it wrote in place: 1.5 GB in a step of S.
        else releaseMemory(data);
      }
      return others;
    },
    close: () => session.release(),
  };
}
