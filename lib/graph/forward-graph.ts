import { classInput } from '../image-gpt/class-input.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import type { FeatureNorm } from '../ports/model.ts';
import type { Batch } from './attention.ts';
import { embed } from './block.ts';
import { maskedEmbedding, plainEmbedding, shiftedEmbedding, tokenLogits } from './embedding.ts';
import { GraphError } from './error.ts';
import { addConstant, addInput, addOutput, addWeight, createGraph, type Graph, type Value } from './graph.ts';
import {
  add,
  concat,
  gatherElements,
  logSoftmax,
  matMul,
  matMulTransposed,
  multiply,
  negate,
  reshape,
  unsqueeze,
} from './operators.ts';
import { causalLayer, embedStrips, type Strip, wholeLayer } from './strips.ts';
import type { ImageGptWeights } from './weights.ts';

/** A linear classifier on pooled features (paper section 2.3). */
interface LinearProbe {
  /** Layers 0..n_layer, concatenated in this order, k of them. */
  layers: readonly number[];
  norm: FeatureNorm;
  /** [C, k x d], out x in */
  weight: Float32Array;
  /** [C] */
  bias: Float32Array;
}

interface FeatureRequest {
  /** Layers 0..n_layer (0: embeddings + positions), concatenated in this order, k of them. */
  layers: readonly number[];
  norm: FeatureNorm;
  /** `mean` over the tokens, or `none`: features of every token. */
  pool: 'mean' | 'none';
}

/** Outputs of a forward graph. Several share one pass. */
export interface ForwardRequest {
  /** `features` [1, k x d], or [1, n, k x d] without pooling. */
  features?: FeatureRequest | undefined;
  /**
   * `classes` [1, C], logits before softmax, from the probe if the model has one, else from score.weight. If score.weight
   * reads plain tokens ({@link classInput}), they need a pass of their own.
   */
  classes?: boolean | undefined;
  /** `likelihood` [1, n]: -log p of every input token (nats). */
  likelihood?: boolean | undefined;
  /** `logits` [1, n, V]; position i predicts token i. */
  logits?: boolean | undefined;
}

export interface ImageGptModel {
  config: ImageGptConfig;
  weights: ImageGptWeights;
  probe?: LinearProbe | undefined;
}

/**
 * The forward pass of one picture. Inputs: `tokens` int32 [1, n] in raster order without SOS; BERT models also `mask`
 * bool [1, n]. Layers above the highest requested one are left out. A CPU gains nothing from several pictures at a
 * time, and a single picture's numbers cannot depend on others. For GPUs, `batch` replaces the leading 1 of every shape
 * by its number of pictures.
 *
 * @throws GraphError
 */
export function forwardGraph(model: ImageGptModel, request: ForwardRequest, batch?: Batch): Graph {
  const { config, weights } = model;
  const { n_positions: n, n_embd: d, n_colors: colors } = config;
  const { pictures } = batch ?? { pictures: 1 };
  const graph = createGraph('image-gpt-forward');
  const tokens = addInput(graph, 'tokens', 'int32', [pictures, n]);
  const pass = (embedTokens: Embedding) => transformer(graph, tokens, embedTokens, model, batch);
  const layers = pass(config.objective === 'bert' ? embedMasked : embedShifted);
  const pooled = pooledFeatures(graph, layers, n, pictures);

  if (request.features !== undefined) {
    const { layers: wanted, norm, pool } = request.features;
    if (pool === 'mean') {
      const features = concat(
        graph,
        wanted.map((layer) => pooled(layer, norm)),
        1,
      );
      addOutput(graph, 'features', features, 'float32', [pictures, wanted.length * d]);
    } else {
      const features = concat(
        graph,
        wanted.map((layer) => layers(layer, norm)),
        2,
      );
      addOutput(graph, 'features', features, 'float32', [pictures, n, wanted.length * d]);
    }
  }
  if (request.classes === true) {
    const plain = classInput(model) === 'plain';
    const read = plain ? pooledFeatures(graph, pass(embedPlain), n, pictures) : pooled;
    const { value, classes } = classLogits(graph, model, read);
    addOutput(graph, 'classes', value, 'float32', [pictures, classes]);
  }
  if (request.likelihood === true || request.logits === true) {
    const logits = tokenLogits(graph, layers(config.n_layer, 'next'), weights); // [1, n, V]
    if (request.logits === true) addOutput(graph, 'logits', logits, 'float32', [pictures, n, colors]);
    if (request.likelihood === true) {
      const chosen = gatherElements(graph, logSoftmax(graph, logits), unsqueeze(graph, tokens, 2), 2); // [1, n, 1]
      addOutput(graph, 'likelihood', reshape(graph, negate(graph, chosen), [pictures, n]), 'float32', [pictures, n]);
    }
  }
  return graph;
}

/** Features of a layer, raw or after the next norm: [1, n, d]. */
type Layers = (layer: number, norm: FeatureNorm) => Value;

/** h^0 of the tokens, in strips. */
type Embedding = (graph: Graph, tokens: Value, model: ImageGptModel, batch: Batch | undefined) => Strip[];

/** Appends the embedding and blocks when a layer is first requested, up to that layer. */
function transformer(
  graph: Graph,
  tokens: Value,
  embedTokens: Embedding,
  model: ImageGptModel,
  batch: Batch | undefined,
): Layers {
  const { config, weights } = model;
  const bert = config.objective === 'bert';
  const known: (readonly Strip[])[] = [];
  const whole = new Map<string, Value>();

  function strips(layer: number): readonly Strip[] {
    const found = known[layer];
    if (found !== undefined) return found;
    const next = layer === 0 ? embedTokens(graph, tokens, model, batch) : after(strips(layer - 1), layer - 1);
    known.push(next);
    return next;
  }

  function after(below: readonly Strip[], layer: number): readonly Strip[] {
    return bert || batch !== undefined
      ? below.map((strip) => wholeLayer(graph, strip, layer, config, weights, batch))
      : causalLayer(graph, below, layer, config, weights).strips;
  }

  return (layer, norm) => {
    if (!Number.isInteger(layer) || layer < 0 || layer > config.n_layer) {
      throw new GraphError('layer_out_of_range', `Expected a layer from 0 to ${config.n_layer}, received ${layer}.`);
    }
    const name = `${layer} ${norm}`;
    const made = whole.get(name);
    if (made !== undefined) return made;
    const joined = concat(
      graph,
      strips(layer).map((strip) => strip[norm]),
      1,
    );
    const gain = norm === 'next' ? weights.blocks[layer]?.quantized?.foldedLn1 : undefined;
    const value = gain === undefined ? joined : multiply(graph, joined, addWeight(graph, gain));
    whole.set(name, value);
    return value;
  };
}

function embedShifted(
  graph: Graph,
  tokens: Value,
  { config, weights }: ImageGptModel,
  batch: Batch | undefined,
): Strip[] {
  const n = config.n_positions;
  return embedStrips(graph, shiftedEmbedding(graph, tokens, config, weights, n), n, config, weights, batch);
}

/** Position i gets token i, so that all n tokens enter, as in transformers' ImageGPTForImageClassification. */
function embedPlain(
  graph: Graph,
  tokens: Value,
  { config, weights }: ImageGptModel,
  batch: Batch | undefined,
): Strip[] {
  return embedStrips(graph, plainEmbedding(graph, tokens, weights), config.n_positions, config, weights, batch);
}

/** A BERT model is not split into strips: every position attends to all others. */
function embedMasked(
  graph: Graph,
  tokens: Value,
  { config, weights }: ImageGptModel,
  batch: Batch | undefined,
): Strip[] {
  const n = config.n_positions;
  const content = maskedEmbedding(graph, tokens, addInput(graph, 'mask', 'bool', [batch?.pictures ?? 1, n]), weights);
  return [{ length: n, ...embed(graph, content, addWeight(graph, weights.wpe), config, weights) }];
}

/** Mean over the tokens [pictures, d], built once per layer and norm: a product with a row of 1/n. */
function pooledFeatures(graph: Graph, layers: Layers, n: number, pictures: number) {
  const known = new Map<Value, Value>();
  return (layer: number, norm: FeatureNorm): Value => {
    const value = layers(layer, norm);
    const row = addConstant(graph, 'mean over tokens', new Float32Array(n).fill(1 / n), [1, n]);
    const pooled = known.get(value) ?? reshape(graph, matMul(graph, row, value), [pictures, -1]);
    known.set(value, pooled);
    return pooled;
  };
}

function classLogits(
  graph: Graph,
  { config, weights, probe }: ImageGptModel,
  pooled: (layer: number, norm: FeatureNorm) => Value,
): { value: Value; classes: number } {
  if (probe !== undefined) {
    const classes = probe.bias.length;
    const features = concat(
      graph,
      probe.layers.map((layer) => pooled(layer, probe.norm)),
      1,
    ); // [1, k x d]
    const weight = addConstant(graph, 'probe weight', probe.weight, [classes, probe.layers.length * config.n_embd]);
    const bias = addConstant(graph, 'probe bias', probe.bias, [classes]);
    return { value: add(graph, matMulTransposed(graph, features, weight), bias), classes };
  }
  if (weights.score === undefined) {
    throw new GraphError(
      'output_unavailable',
      'Expected score.weight or probe.safetensors for class logits, but this checkpoint has neither. Add a head: igpt probe or igpt train.',
    );
  }
  const features = pooled(config.n_layer, 'next'); // mean after ln_f over all n positions, that of SOS included
  const value = matMulTransposed(graph, features, addWeight(graph, weights.score));
  return { value, classes: weights.score.shape[0] ?? 0 };
}
