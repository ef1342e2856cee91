import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../../lib/checkpoint/checkpoint.ts';
import { listWeights } from '../../../../lib/checkpoint/weights-by-role.ts';
import { addConstant, addInput, addOutput, createGraph, type Graph } from '../../../../lib/graph/graph.ts';
import { add, multiply } from '../../../../lib/graph/operators.ts';
import { prune, trainingStepGraph } from '../../../../lib/graph/training/training-step-graph.ts';
import { openTrainingExecution } from '../../../../lib/runtime/training-execution.ts';
import { tinyCheckpoint } from '../../../support/tiny-checkpoint.ts';

test('removes what no output needs, and keeps the order of the rest', () => {
  const graph = createGraph('g');
  addInput(graph, 'a', 'float32', [1]);
  addInput(graph, 'unused', 'float32', [1]);
  addConstant(graph, 'two', Float32Array.of(2), [1]);
  addConstant(graph, 'three', Float32Array.of(3), [1]);
  const sum = add(graph, 'a', 'two');
  add(graph, sum, 'three');
  addOutput(graph, 'y', multiply(graph, sum, sum), 'float32', [1]);
  prune(graph);
  expect(graph.nodes.map(({ operator }) => operator)).toEqual(['Add', 'Mul', 'Identity']);
  expect(graph.inputs.map(({ name }) => name)).toEqual(['a']);
  expect([...graph.initializers.keys()]).toEqual(['two']);
});

describe('training step graph', () => {
  const optimizer = { kind: 'adamw', weightDecay: 0.1, betas: [0.9, 0.95], epsilon: 1e-8 } as const;

  async function stepGraph(recompute: boolean, n_layer = 3): Promise<Graph> {
    await using checkpoint = await tinyCheckpoint({ n_layer, classes: 0 });
    const { config, weights } = await openCheckpoint(checkpoint.directory);
    const trained = listWeights(weights);
    const request = { loss: 'generative', batch: 1, headLayer: n_layer, recompute, trained } as const;
    return trainingStepGraph(config, weights, { ...request, output: { kind: 'update', optimizer, sums: false } });
  }

  const products = (graph: Graph) =>
    graph.nodes.filter(({ operator }) => operator === 'Gemm' || operator === 'FusedMatMul').length;

  test('every node, constant and input leads to an output', async () => {
    const graph = await stepGraph(false);
    const used = new Set([...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)]);
    const unused = graph.nodes.filter(({ outputs }) => !outputs.some((value) => used.has(value)));
    expect(unused).toEqual([]);
    expect(
      [...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name)].filter((name) => !used.has(name)),
    ).toEqual([]);
  });

  test('every weight has an output, and so have both moments', async () => {
    const graph = await stepGraph(false);
    const inputs = graph.inputs.map(({ name }) => name).filter((name) => / 0 of /.test(name));
    expect(graph.outputs.map(({ name }) => name)).toEqual(expect.arrayContaining(inputs.map((name) => `next ${name}`)));
    expect(inputs).toHaveLength(3 * (2 + 3 * 10 + 2)); // wte, wpe, ten a block, ln_f, lm_head
  });

  test('recomputation repeats all products of a block but the last, in the graph that onnxruntime executes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'training-graph-'));
    const countProducts = async (graph: Graph): Promise<number> => {
      const file = join(folder, 'optimized.onnx');
      await (await openTrainingExecution(graph, 1, file)).close();
      const text = (await readFile(file)).toString('latin1');
      // NodeProto: field 4, the operator, with its length.
      return text.split('"\x04Gemm').length + text.split('"\x0bFusedMatMul').length - 2;
    };
    const [plain, recomputed] = [await stepGraph(false), await stepGraph(true)];
    expect(await countProducts(plain)).toBe(products(plain));
    expect(await countProducts(recomputed)).toBe(products(recomputed));
    // q, k, v, the scores, their values, the projection and fc of each of the 3 blocks; the MLP's output is not needed.
    expect(products(recomputed) - products(plain)).toBe(3 * 7);
    await rm(folder, { recursive: true });
  });
});
