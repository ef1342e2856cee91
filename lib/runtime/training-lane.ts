import { elementsOf } from '../graph/graph.ts';
import { type Optimizer, piecesOf } from '../graph/training/adam.ts';
import type { TrainingForwardOptions } from '../graph/training/training-forward.ts';
import { applyGraph, type TrainingStepRequest, trainingStepGraph } from '../graph/training/training-step-graph.ts';
import type { ImageGptWeights, Weight } from '../graph/weights.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import { invalidInput } from './error.ts';
import type { BatchShare } from './training-batch.ts';
import { openTrainingExecution, type TrainingExecution, type TrainingTensor } from './training-execution.ts';

/** Options of a lane. They can be sent to another thread, which shares their memory. */
export interface TrainingLaneOptions {
  config: ImageGptConfig;
  weights: ImageGptWeights;
  forward: Omit<TrainingForwardOptions, 'batch'>;
  trained: readonly Weight[];
  /** Weights by tensor name, and sums of gradients by the names of the graph's inputs. */
  memory: ReadonlyMap<string, Float32Array>;
  moments: ReadonlyMap<string, { first: Float32Array; second: Float32Array }>;
  /** Threads of `apply`, which is executed while the other lanes wait. */
  applyThreads: number;
}

/** What a graph of a lane computes: part of a batch, or Adam's update from the sums of all lanes. */
export type TrainingOutput = TrainingStepRequest['output'] | { kind: 'apply'; optimizer: Optimizer; lanes: number };

export interface TrainingTask {
  output: TrainingOutput;
  /** Absent for `apply`. */
  share?: BatchShare | undefined;
  /** Scalar inputs by name. */
  scalars: Readonly<Record<string, number>>;
}

/** The outputs that are not written in place. */
export type TrainingResult = ReadonlyMap<string, Float32Array>;

/** The graphs of one thread, which share memory. */
export interface TrainingLane {
  execute(task: TrainingTask): Promise<TrainingResult>;
  close(): Promise<void>;
}

/** Creates a lane. It opens a graph when a task first needs it. */
export function createTrainingLane(options: TrainingLaneOptions): TrainingLane {
  const { config, weights, forward, trained, moments, applyThreads } = options;
  const memory = new Map(options.memory);
  for (const { name, shape } of trained) {
    const own = moments.get(name);
    for (const { weight, first, second, start, length } of piecesOf(name, elementsOf(shape))) {
      const part = (data: Float32Array | undefined) => data?.subarray(start, start + length) ?? new Float32Array(0);
      memory
        .set(weight, part(memory.get(name)))
        .set(first, part(own?.first))
        .set(second, part(own?.second));
    }
  }
  const executions = new Map<string, Promise<TrainingExecution>>();

  function executionOf(output: TrainingOutput, batch: number): Promise<TrainingExecution> {
    const key = JSON.stringify({ output, batch });
    const known = executions.get(key);
    if (known !== undefined) return known;
    const graph =
      output.kind === 'apply'
        ? applyGraph(trained, output.optimizer, output.lanes)
        : trainingStepGraph(config, weights, { ...forward, batch, trained, output });
    const opened = openTrainingExecution(graph, output.kind === 'apply' ? applyThreads : 1);
    executions.set(key, opened);
    return opened;
  }

  return {
    async execute({ output, share, scalars }) {
      const execution = await executionOf(output, share?.batch ?? 0);
      const input = (name: string): TrainingTensor => {
        const scalar = scalars[name];
        if (scalar !== undefined) return { type: 'float32', data: Float32Array.of(scalar) };
        const data = memory.get(name);
        if (data !== undefined) return { type: 'float32', data };
        const given = share?.inputs.get(name);
        if (given === undefined) throw invalidInput(`Expected ${name} in the batch, received none.`);
        return given;
      };
      return execution.execute(input, (name) =>
        name.startsWith('next ') ? memory.get(name.slice('next '.length)) : undefined,
      );
    },
    async close() {
      for (const execution of executions.values()) await (await execution).close();
      executions.clear();
    },
  };
}
