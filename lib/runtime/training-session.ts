import { readWeight } from '../checkpoint/read-weight.ts';
import { listWeights } from '../checkpoint/weights-by-role.ts';
import type { TensorData } from '../checkpoint/write-safetensors.ts';
import type { ImageGptModel } from '../graph/forward-graph.ts';
import { evenly } from '../graph/gradient/attention.ts';
import { type Optimizer, type Piece, piecesOf } from '../graph/training/adam.ts';
import type { TrainingLoss } from '../graph/training/training-forward.ts';
import { sumName, type TrainingStepRequest, trainingStepGraph } from '../graph/training/training-step-graph.ts';
import type { ImageGptWeights, Weight } from '../graph/weights.ts';
import { RuntimeError } from './error.ts';
import { type BatchShare, checkedBatch, type TrainingBatch } from './training-batch.ts';
import { openTrainingRun, type TrainingRun, type TrainingTensor } from './training-run.ts';

export interface TrainingOptions {
  /** The generative loss is the config's: next tokens (`ar`) or masked ones (`bert`). */
  loss: TrainingLoss;
  /** Default: Adam with betas .9 and .95, epsilon 1e-8, no weight decay, no clipping. */
  optimizer?: Partial<Optimizer>;
  /** Which tensors are trained, by checkpoint name. Default: all that the loss reaches. */
  trained?: (name: string) => boolean;
  /** Classes of a new class head of zeros. Default: the checkpoint's head. */
  classes?: number;
  /** Layer 0..n_layer whose features, pooled after the next norm, the class head reads. Default n_layer. */
  headLayer?: number;
  /** Pictures that go through the graph at once; gradients of a larger batch are added up. Default: about 2,048 tokens. */
  microBatch?: number;
  /** Keep only the residual stream between blocks: less memory, a third more products. Default false. */
  recompute?: boolean;
  /** Default 1. */
  threads?: number;
}

/** Nats. */
export interface Losses {
  /** What is minimised: the sum of the others. */
  loss: number;
  /** Mean over the tokens; for BERT models over the pictures, of the mean over their masked tokens. */
  generative?: number;
  /** Mean over the pictures. */
  classification?: number;
}

export interface Evaluation extends Losses {
  /** -log p of every token [batch, n], masked or not; with a generative loss. */
  tokenLosses?: Float32Array;
  /** [batch, C] before softmax; with a class loss. */
  classLogits?: Float32Array;
}

export interface Moments {
  first: Float32Array;
  second: Float32Array;
}

export interface TrainingSession {
  /** Every weight of the checkpoint, and a new head, by name and shape of the file. Live: each step writes `data`, and may be given it. */
  readonly parameters: readonly TensorData[];
  /** Adam's moments of the trained tensors, by name; zeros at first, live as well. */
  readonly moments: ReadonlyMap<string, Moments>;
  /**
   * One step of the optimiser. A loss or norm that is not finite has spoiled the weights: go back to a checkpoint.
   *
   * @param at `step` counts from 1, for Adam's corrections
   * @throws RuntimeError `input_invalid`, `run_failed`
   */
  step(batch: TrainingBatch, at: { step: number; learningRate: number }): Promise<Losses & { gradientNorm: number }>;
  /** Gradients of the mean loss by name of the trained tensors; nothing changes. */
  gradients(batch: TrainingBatch): Promise<Losses & { gradients: Map<string, Float32Array> }>;
  /** Losses alone. */
  evaluate(batch: TrainingBatch): Promise<Evaluation>;
  close(): Promise<void>;
}

/** Tokens of a part of a batch: enough that what a run costs by itself does not show. */
const PART_TOKENS = 2048;

/**
 * Opens a model for training on the CPU, with its weights in memory. Equal inputs, threads and parts give equal bits. A
 * step blocks this thread.
 *
 * @throws GraphError `output_unavailable` when a loss needs a head that the checkpoint does not have; CheckpointError,
 * RuntimeError
 */
export async function openTrainingSession(model: ImageGptModel, options: TrainingOptions): Promise<TrainingSession> {
  const { config } = model;
  const { loss, threads = 1, recompute = false, headLayer = config.n_layer } = options;
  const weights = withHead(model.weights, options.classes, config.n_embd);
  const microBatch = options.microBatch ?? Math.max(1, Math.floor(PART_TOKENS / config.n_positions));
  const optimizer: Optimizer = {
    kind: 'adam',
    weightDecay: 0,
    betas: [0.9, 0.95],
    epsilon: 1e-8,
    ...options.optimizer,
  };
  const all = listWeights(weights);
  const forward = { loss, headLayer, recompute };
  const reached = trainingStepGraph(config, weights, { ...forward, batch: 1, trained: [], output: { kind: 'losses' } });
  const isReached = new Set(reached.inputs.map(({ name }) => name));
  const trained = all.filter(({ name }) => isReached.has(name) && (options.trained?.(name) ?? true));

  const parameters: TensorData[] = [];
  for (const weight of all) {
    const { name, shape } = weight;
    const data = weight === weights.score && weight !== model.weights.score ? zeros(weight) : await readWeight(weights.directory, weight); // biome-ignore format: one line
    parameters.push({ name, shape, data });
  }
  const memory = new Map<string, Float32Array>(parameters.map(({ name, data }) => [name, data]));
  const moments = new Map(trained.map((weight) => [weight.name, { first: zeros(weight), second: zeros(weight) }]));
  const sums = new Map<string, Float32Array>();
  const pieceMemory = new Map<string, Float32Array>();
  for (const weight of trained) {
    for (const piece of piecesOf(weight.name, elementsOf(weight))) keepPiece(weight, piece);
  }

  function keepPiece({ name }: Weight, { weight, first, second, start, length }: Piece): void {
    const own = moments.get(name);
    const part = (data: Float32Array | undefined) => data?.subarray(start, start + length) ?? new Float32Array(0);
    pieceMemory
      .set(weight, part(memory.get(name)))
      .set(first, part(own?.first))
      .set(second, part(own?.second));
  }

  const runs = new Map<string, Promise<TrainingRun>>();
  function runOf(output: TrainingStepRequest['output'], batch: number): Promise<TrainingRun> {
    const key = JSON.stringify({ output, batch });
    const known = runs.get(key);
    if (known !== undefined) return known;
    const request = { ...forward, batch, trained, output };
    const opened = openTrainingRun(trainingStepGraph(config, weights, request), threads);
    runs.set(key, opened);
    return opened;
  }

  /** Sums for gradients, made when they are first needed. */
  function clearedSums(): void {
    for (const weight of trained) {
      const sum = sums.get(sumName(weight));
      if (sum === undefined) sums.set(sumName(weight), zeros(weight));
      else sum.fill(0);
    }
  }

  function inPlace(name: string): Float32Array | undefined {
    const input = name.startsWith('next ') ? name.slice('next '.length) : '';
    return pieceMemory.get(input) ?? sums.get(input);
  }

  async function runPart(
    output: TrainingStepRequest['output'],
    share: BatchShare,
    scalars: Readonly<Record<string, number>> = {},
  ) {
    const run = await runOf(output, share.batch);
    return run.run((name): TrainingTensor => {
      const scalar = scalars[name];
      if (scalar !== undefined) return { type: 'float32', data: Float32Array.of(scalar) };
      const data = memory.get(name) ?? pieceMemory.get(name) ?? sums.get(name);
      if (data !== undefined) return { type: 'float32', data };
      const input = share.inputs.get(name);
      if (input === undefined) throw new RuntimeError('input_invalid', `Expected ${name} in the batch, received none.`);
      return input;
    }, inPlace);
  }

  const checks = { config, classes: weights.score?.shape[0] ?? 0, loss };
  function partsOf(batch: TrainingBatch): BatchShare[] {
    const { count, share } = checkedBatch(batch, checks);
    let start = 0;
    return evenly(count, Math.ceil(count / microBatch)).map((length) => {
      start += length;
      return share(start - length, length);
    });
  }

  return {
    parameters,
    moments,
    async step(batch, { step, learningRate }) {
      const parts = partsOf(batch);
      const several = parts.length > 1;
      if (several) clearedSums();
      const [beta1, beta2] = optimizer.betas;
      const scalars = {
        learning_rate: learningRate,
        first_correction: 1 / (1 - beta1 ** step),
        second_correction: 1 / Math.sqrt(1 - beta2 ** step),
      };
      const results: Map<string, Float32Array>[] = [];
      for (const part of parts.slice(0, -1)) results.push(await runPart({ kind: 'gradients' }, part));
      for (const part of parts.slice(-1)) {
        results.push(await runPart({ kind: 'update', optimizer, sums: several }, part, scalars));
      }
      return { ...lossesOf(results), gradientNorm: results.at(-1)?.get('gradient_norm')?.[0] ?? Number.NaN };
    },
    async gradients(batch) {
      clearedSums();
      const results: Map<string, Float32Array>[] = [];
      for (const part of partsOf(batch)) results.push(await runPart({ kind: 'gradients' }, part));
      const gradients = new Map(
        trained.map((weight) => [weight.name, Float32Array.from(sums.get(sumName(weight)) ?? [])]),
      );
      return { ...lossesOf(results), gradients };
    },
    async evaluate(batch) {
      const results: Map<string, Float32Array>[] = [];
      for (const part of partsOf(batch)) results.push(await runPart({ kind: 'losses' }, part));
      const tokenLosses = rowsOf(results, 'token_losses');
      const classLogits = rowsOf(results, 'class_logits');
      return { ...lossesOf(results), ...(tokenLosses && { tokenLosses }), ...(classLogits && { classLogits }) };
    },
    async close() {
      for (const run of runs.values()) await (await run).close();
      runs.clear();
    },
  };
}

/** The weights with a class head of `classes`: the checkpoint's own, or a new one under the layout's name. */
function withHead(weights: ImageGptWeights, classes: number | undefined, d: number): ImageGptWeights {
  if (classes === undefined || weights.score?.shape[0] === classes) return weights;
  const prefix = weights.lnF.name.slice(0, -'ln_f/g'.length);
  const name = weights.layout === 'huggingface' ? 'score.weight' : `${prefix}clf/wclf`;
  return { ...weights, score: { name, file: '', offset: 0, length: 0, dtype: 'F32', shape: [classes, d] } };
}

function lossesOf(parts: readonly Map<string, Float32Array>[]): Losses {
  const total = (name: string): number | undefined =>
    parts[0]?.has(name) ? parts.reduce((sum, part) => sum + (part.get(name)?.[0] ?? 0), 0) : undefined;
  const [generative, classification] = [total('generative'), total('classification')];
  return {
    loss: (generative ?? 0) + (classification ?? 0),
    ...(generative !== undefined && { generative }),
    ...(classification !== undefined && { classification }),
  };
}

function rowsOf(parts: readonly Map<string, Float32Array>[], name: string): Float32Array | undefined {
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

function elementsOf({ shape }: Weight): number {
  return shape.reduce((product, size) => product * size, 1);
}

function zeros(weight: Weight): Float32Array<ArrayBuffer> {
  return new Float32Array(elementsOf(weight));
}
