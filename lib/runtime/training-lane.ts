import { type Optimizer, piecesOf } from '../graph/training/adam.ts';
import type { TrainingForwardOptions } from '../graph/training/training-forward.ts';
import { applyGraph, type TrainingStepRequest, trainingStepGraph } from '../graph/training/training-step-graph.ts';
import type { ImageGptWeights, Weight } from '../graph/weights.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import { RuntimeError } from './error.ts';
import type { BatchShare } from './training-batch.ts';
import { openTrainingExecution, type TrainingExecution, type TrainingTensor } from './training-execution.ts';

/** What a lane is opened with; it can be sent to another thread, where its memory is the same. */
export interface TrainingLaneOptions {
  config: ImageGptConfig;
  weights: ImageGptWeights;
  forward: Omit<TrainingForwardOptions, 'batch'>;
  trained: readonly Weight[];
  /** Weights by name, and sums of gradients by the graph's names. */
  memory: ReadonlyMap<string, Float32Array>;
  moments: ReadonlyMap<string, { first: Float32Array; second: Float32Array }>;
  /** Threads within an operation. */
  threads: number;
  /** The same for `apply`, while the other lanes have nothing to do. */
  applyThreads: number;
}

/** What a graph of a lane computes: a part of a batch, or Adam's update from the sums of all lanes. */
export type TrainingOutput = TrainingStepRequest['output'] | { kind: 'apply'; optimizer: Optimizer; lanes: number };

export interface TrainingTask {
  output: TrainingOutput;
  /** Absent for `apply`. */
  share?: BatchShare | undefined;
  /** Further scalar inputs. */
  scalars: Readonly<Record<string, number>>;
}

/** Outputs that are not written in place. */
export type TrainingResult = ReadonlyMap<string, Float32Array>;

/** One thread's graphs, which all work on the same memory. */
export interface TrainingLane {
  run(task: TrainingTask): Promise<TrainingResult>;
  close(): Promise<void>;
}

/** Opens a lane; a graph is built and opened when a task first needs it. */
export function createTrainingLane(options: TrainingLaneOptions): TrainingLane {
  const { config, weights, forward, trained, moments, threads, applyThreads } = options;
  const memory = new Map(options.memory);
  for (const { name, shape } of trained) {
    const elements = shape.reduce((product, size) => product * size, 1);
    const own = moments.get(name);
    for (const { weight, first, second, start, length } of piecesOf(name, elements)) {
      const part = (data: Float32Array | undefined) => data?.subarray(start, start + length) ?? new Float32Array(0);
      memory
        .set(weight, part(memory.get(name)))
        .set(first, part(own?.first))
        .set(second, part(own?.second));
    }
  }
  const runs = new Map<string, Promise<TrainingExecution>>();

  function runOf(output: TrainingOutput, batch: number): Promise<TrainingExecution> {
    const key = JSON.stringify({ output, batch });
    const known = runs.get(key);
    if (known !== undefined) return known;
    const graph =
      output.kind === 'apply'
        ? applyGraph(trained, output.optimizer, output.lanes)
        : trainingStepGraph(config, weights, { ...forward, batch, trained, output });
    const opened = openTrainingExecution(graph, output.kind === 'apply' ? applyThreads : threads);
    runs.set(key, opened);
    return opened;
  }

  return {
    async run({ output, share, scalars }) {
      const run = await runOf(output, share?.batch ?? 0);
      const input = (name: string): TrainingTensor => {
        const scalar = scalars[name];
        if (scalar !== undefined) return { type: 'float32', data: Float32Array.of(scalar) };
        const data = memory.get(name);
        if (data !== undefined) return { type: 'float32', data };
        const given = share?.inputs.get(name);
        if (given === undefined)
          throw new RuntimeError('input_invalid', `Expected ${name} in the batch, received none.`);
        return given;
      };
      return run.run(input, (name) => (name.startsWith('next ') ? memory.get(name.slice('next '.length)) : undefined));
    },
    async close() {
      for (const run of runs.values()) await (await run).close();
      runs.clear();
    },
  };
}
