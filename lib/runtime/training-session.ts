import { readWeight } from '../checkpoint/derived/read-weight.ts';
import type { TensorData } from '../checkpoint/safetensors/write-safetensors.ts';
import { listWeights } from '../checkpoint/weights-by-role.ts';
import { evenly } from '../graph/evenly.ts';
import type { ImageGptModel } from '../graph/forward-graph.ts';
import { elementsOf } from '../graph/graph.ts';
import type { Optimizer } from '../graph/training/adam.ts';
import type { TrainingLoss } from '../graph/training/training-forward.ts';
import { sumName, trainingStepGraph } from '../graph/training/training-step-graph.ts';
import type { ImageGptWeights, Weight } from '../graph/weights.ts';
import { type BatchShare, checkedBatch, type TrainingBatch } from './training-batch.ts';
import type { TrainingLaneOptions, TrainingOutput, TrainingResult, TrainingTask } from './training-lane.ts';
import { openLanes } from './training-lanes.ts';

export interface TrainingOptions {
  /** The generative loss follows the objective: next tokens (`ar`) or masked ones (`bert`). */
  loss: TrainingLoss;
  /** Default: Adam with betas 0.9 and 0.95, epsilon 1e-8, no weight decay, no clipping (paper section 3.3). */
  optimizer?: Partial<Optimizer> | undefined;
  /** Whether the tensor with this checkpoint name is trained (default: all that the loss depends on). */
  trained?: ((name: string) => boolean) | undefined;
  /** Classes of a new class head of zeros (default: the checkpoint's head). */
  classes?: number | undefined;
  /** Layer 0..n_layer (default n_layer). The class head reads its features, pooled after the next norm. */
  headLayer?: number | undefined;
  /** Pictures of one execution; gradients of a larger batch are summed (default: about 2,048 tokens). */
  microBatch?: number | undefined;
  /** Keep only the residual stream between blocks: less memory, a third more products (default false). */
  recompute?: boolean | undefined;
  /**
   * Threads (default 1). Each is a lane, which computes its own parts of a batch and takes the memory of a part and of
   * all gradients. Threads of one operation would wait for each other after every operation; lanes do not.
   */
  threads?: number | undefined;
  /** Reads the values of a weight (default: from its file). */
  read?: ((weight: Weight) => Promise<Float32Array>) | undefined;
}

/** In nats. */
export interface Losses {
  /** The minimised loss: the sum of the others. */
  loss: number;
  /** Mean over the tokens; for BERT models the mean over the pictures of the mean over their masked tokens. */
  generative?: number | undefined;
  /** Mean over the pictures. */
  classification?: number | undefined;
}

export interface Evaluation extends Losses {
  /** -log p of every token [batch, n], masked or not; with a generative loss. */
  tokenLosses?: Float32Array | undefined;
  /** [batch, C] before softmax; with a class loss. */
  classLogits?: Float32Array | undefined;
}

interface Moments {
  first: Float32Array;
  second: Float32Array;
}

export interface TrainingSession extends AsyncDisposable {
  /**
   * Every weight of the checkpoint and of a new head. Live: each step updates `data`, and the caller may overwrite it.
   */
  readonly parameters: readonly TensorData[];
  /** Adam's moments of the trained tensors, by name; zeros at first, and live too. */
  readonly moments: ReadonlyMap<string, Moments>;
  /**
   * One step of the optimiser. If a loss or the norm is not finite, the weights are spoiled: restore a checkpoint.
   *
   * @param at `step` counts from 1, for Adam's corrections
   * @throws RuntimeError `input_invalid`, `run_failed`
   */
  step(batch: TrainingBatch, at: { step: number; learningRate: number }): Promise<Losses & { gradientNorm: number }>;
  /** Gradients of the mean loss by tensor name, without a step. */
  gradients(batch: TrainingBatch): Promise<Losses & { gradients: Map<string, Float32Array> }>;
  /** Losses without gradients. */
  evaluate(batch: TrainingBatch): Promise<Evaluation>;
  close(): Promise<void>;
}

/** Tokens of a part of a batch: enough to make the fixed cost of an execution negligible. */
const partTokens = 2048;

/**
 * Opens a model for training on the CPU, with its weights in memory. Equal inputs, threads and parts give equal bits. A
 * single lane computes in the calling thread and blocks it; several have threads of their own.
 *
 * @throws GraphError `output_unavailable` when a loss needs a head that the checkpoint does not have; CheckpointError,
 * RuntimeError
 */
export async function openTrainingSession(model: ImageGptModel, choices: TrainingOptions): Promise<TrainingSession> {
  const { config } = model;
  const { loss, threads: lanes = 1, recompute = false, headLayer = config.n_layer } = choices;
  const weights = withHead(model.weights, choices.classes, config.n_embd);
  const { read = (weight: Weight) => readWeight(weights.directory, weight) } = choices;
  const microBatch = choices.microBatch ?? Math.max(1, Math.floor(partTokens / config.n_positions));
  const optimizer: Optimizer = {
    kind: 'adam',
    weightDecay: 0,
    betas: [0.9, 0.95],
    epsilon: 1e-8,
    ...choices.optimizer,
  };
  const all = listWeights(weights);
  const forward = { loss, headLayer, recompute };
  const reached = trainingStepGraph(config, weights, { ...forward, batch: 1, trained: [], output: { kind: 'losses' } });
  const isReached = new Set(reached.inputs.map(({ name }) => name));
  const trained = all.filter(({ name }) => isReached.has(name) && (choices.trained?.(name) ?? true));

  const parameters: TensorData[] = [];
  for (const weight of all) {
    const data = zeros(weight);
    const isNewHead = weight === weights.score && weight !== model.weights.score;
    if (!isNewHead) data.set(await read(weight));
    parameters.push({ name: weight.name, shape: weight.shape, data });
  }
  const moments = new Map(trained.map((weight) => [weight.name, { first: zeros(weight), second: zeros(weight) }]));
  const sums = Array.from({ length: lanes }, () => new Map(trained.map((weight) => [weight, zeros(weight)])));
  const options = (lane: number): TrainingLaneOptions => {
    const memory = new Map<string, Float32Array>(parameters.map(({ name, data }) => [name, data]));
    sums.forEach((own, other) => {
      for (const [weight, sum] of own) {
        if (other === lane) memory.set(sumName(weight), sum);
        else if (lane === 0) memory.set(sumName(weight, other), sum);
      }
    });
    return { config, weights, forward, trained, memory, moments, applyThreads: lanes };
  };
  const openedLanes = await openLanes(lanes, options);

  const checks = { config, classes: weights.score?.shape[0] ?? 0, loss };
  /** The same number of parts for each lane, if there are enough pictures. */
  function partsOf(batch: TrainingBatch): BatchShare[] {
    const { count, share } = checkedBatch(batch, checks);
    const rounds = Math.ceil(count / (microBatch * lanes));
    let start = 0;
    return evenly(count, Math.min(count, rounds * lanes)).map((length) => {
      start += length;
      return share(start - length, length);
    });
  }

  function clearSums(): void {
    for (const own of sums) for (const sum of own.values()) sum.fill(0);
  }

  const executeParts = (output: TrainingOutput, parts: readonly BatchShare[]): Promise<TrainingResult[]> =>
    Promise.all(parts.map((share, i) => openedLanes.execute(i % lanes, { output, share, scalars: {} })));

  return {
    parameters,
    moments,
    async step(batch, { step, learningRate }) {
      const parts = partsOf(batch);
      const [beta1, beta2] = optimizer.betas;
      const scalars = {
        learning_rate: learningRate,
        first_correction: 1 / (1 - beta1 ** step),
        second_correction: 1 / Math.sqrt(1 - beta2 ** step),
      };
      if (parts.length > 1) clearSums();
      // With one lane, the graph of the last part includes the update. Several lanes first finish their parts.
      const alone = lanes === 1 || parts.length === 1;
      const before = alone ? parts.slice(0, -1) : parts;
      const results = await executeParts({ kind: 'gradients' }, before);
      const last: TrainingTask = alone
        ? { output: { kind: 'update', optimizer, sums: parts.length > 1 }, share: parts.at(-1), scalars }
        : { output: { kind: 'apply', optimizer, lanes }, scalars };
      results.push(await openedLanes.execute(0, last));
      return { ...lossesOf(results), gradientNorm: results.at(-1)?.get('gradient_norm')?.[0] ?? Number.NaN };
    },
    async gradients(batch) {
      const parts = partsOf(batch);
      clearSums();
      const results = await executeParts({ kind: 'gradients' }, parts);
      const gradients = new Map(trained.map((weight) => [weight.name, totalOf(sums.map((own) => own.get(weight)))]));
      return { ...lossesOf(results), gradients };
    },
    async evaluate(batch) {
      const results = await executeParts({ kind: 'losses' }, partsOf(batch));
      const tokenLosses = rowsOf(results, 'token_losses');
      const classLogits = rowsOf(results, 'class_logits');
      return { ...lossesOf(results), tokenLosses, classLogits };
    },
    close: openedLanes.close,
    [Symbol.asyncDispose]: openedLanes.close,
  };
}

/** Sum of arrays of equal length. */
function totalOf(parts: readonly (Float32Array | undefined)[]): Float32Array {
  const [first = new Float32Array(0), ...others] = parts;
  const total = Float32Array.from(first);
  for (const other of others) {
    for (let i = 0; i < total.length; i++) total[i] = (total[i] ?? 0) + (other?.[i] ?? 0);
  }
  return total;
}

/** The weights with a class head of `classes`: the checkpoint's own, or a new one named as in its layout. */
function withHead(weights: ImageGptWeights, classes: number | undefined, d: number): ImageGptWeights {
  if (classes === undefined || weights.score?.shape[0] === classes) return weights;
  const prefix = weights.lnF.name.slice(0, -'ln_f/g'.length);
  const name = weights.layout === 'huggingface' ? 'score.weight' : `${prefix}clf/wclf`;
  return { ...weights, score: { name, file: '', offset: 0, length: 0, dtype: 'F32', shape: [classes, d] } };
}

function lossesOf(parts: readonly TrainingResult[]): Losses {
  const total = (name: string): number | undefined =>
    parts.some((part) => part.has(name)) ? parts.reduce((sum, part) => sum + (part.get(name)?.[0] ?? 0), 0) : undefined;
  const [generative, classification] = [total('generative'), total('classification')];
  return { loss: (generative ?? 0) + (classification ?? 0), generative, classification };
}

function rowsOf(parts: readonly TrainingResult[], name: string): Float32Array | undefined {
  const rows = parts.flatMap((part) => part.get(name) ?? []);
  if (rows.length === 0) return undefined;
  const all = new Float32Array(rows.reduce((total, row) => total + row.length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}

/** Shared with the threads of the lanes. The system allocates a page when it is first written. */
function zeros({ shape }: Weight): Float32Array<SharedArrayBuffer> {
  return new Float32Array(new SharedArrayBuffer(4 * elementsOf(shape)));
}
