import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import type { ForwardRequest } from '../../../lib/graph/forward-graph.ts';
import type { Graph } from '../../../lib/graph/graph.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { gpuGraph } from '../../../lib/runtime/gpu-graph.ts';
import { inPrecision } from '../../../lib/runtime/precision.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

test('8 bits on a GPU are refused instead of being handed back to the processor', async () => {
  await using tiny = await tinyCheckpoint();
  const folder = await mkdtemp(join(tmpdir(), 'derived-'));
  const { checkpoint } = await inPrecision(await openCheckpoint(tiny.directory), 'int8', { folder });
  await expect(openForward(checkpoint, { classes: true }, { provider: 'cuda' })).rejects.toMatchObject({
    code: 'precision_unavailable',
  });
  await rm(folder, { recursive: true });
});

/** The graph of a small checkpoint for CUDA. */
async function cudaGraph(
  options: TinyCheckpointOptions,
  precision: 'f32' | 'f16',
  request: ForwardRequest,
): Promise<Graph> {
  await using tiny = await tinyCheckpoint(options);
  const folder = await mkdtemp(join(tmpdir(), 'derived-'));
  const { checkpoint } = await inPrecision(await openCheckpoint(tiny.directory), precision, { folder });
  const graph = gpuGraph(checkpoint, request, 'cuda', 4);
  await rm(folder, { recursive: true });
  return graph;
}

const operatorsOf = ({ nodes }: Graph): Set<string> => new Set(nodes.map(({ operator }) => operator));

test('CUDA gets the fused attention in 16 bits, the only ones that its kernel takes; WebGPU plain operators', async () => {
  const shape = { n_embd: 16, n_head: 2 };
  const graph = await cudaGraph(shape, 'f16', { classes: true });
  expect(operatorsOf(graph).has('GroupQueryAttention')).toBe(true);
  expect(graph.inputs[0]?.shape).toEqual([4, 16]);
  expect(operatorsOf(await cudaGraph(shape, 'f32', { classes: true })).has('GroupQueryAttention')).toBe(false);
  await using tiny = await tinyCheckpoint(shape);
  const webGpu = gpuGraph(await openCheckpoint(tiny.directory), { classes: true }, 'webgpu', 4);
  expect(operatorsOf(webGpu).has('GroupQueryAttention')).toBe(false);
});

/**
 * Operators whose CUDA kernels ask for cuDNN's handle, always or for some shapes, and answer NOT_IMPLEMENTED without
 * it: the image has no cuDNN. Source: libonnxruntime_providers_cuda.so of onnxruntime-gpu 1.30.0, the kernels from
 * which CudaKernel::GetCudnnHandle (onnxruntime/core/providers/cuda/cuda_kernel.h) is called directly or up to three
 * calls deep. GroupQueryAttention calls it too, but only once cuDNN has told its version (group_query_attention.cc,
 * `use_cudnn_sdpa`, from compute capability 9.0 on).
 */
const needCudnn = new Set([
  ...['Attention', 'DecoderAttention', 'MultiHeadAttention', 'QAttention', 'BiasSoftmax', 'Einsum'],
  ...['Conv', 'FusedConv', 'ConvTranspose', 'ConvTransposeWithDynamicPads'],
  ...['AveragePool', 'GlobalAveragePool', 'MaxPool', 'GlobalMaxPool'],
  ...['BatchNormalization', 'InstanceNormalization', 'LRN'],
  ...['RNN', 'GRU', 'LSTM'],
  ...['ArgMax', 'ArgMin', 'ReduceMax', 'ReduceMean', 'ReduceMin', 'ReduceProd', 'ReduceSum', 'ReduceSumSquare'],
  ...['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp'],
]);

const everything: ForwardRequest = {
  features: { layers: [0, 1, 2], norm: 'next', pool: 'mean' },
  ...{ classes: true, likelihood: true, logits: true },
};

describe.each<[string, TinyCheckpointOptions]>([
  ['Hugging Face', { n_embd: 32 }],
  ['OpenAI', { n_embd: 32, layout: 'openai' }],
  ['BERT', { n_embd: 32, objective: 'bert' }],
  ['OpenAI, BERT', { n_embd: 32, layout: 'openai', objective: 'bert' }],
  ['heads of 6', { n_embd: 12 }],
  ['without biases', { n_embd: 32, biases: 'absent' }],
  ['more tokens than a strip', { n_embd: 32, size: 17 }],
])('CUDA’s graph, %s', (_, options) => {
  test.each(['f32', 'f16'] as const)('has no operator that needs cuDNN, in %s', async (precision) => {
    const unpooled: ForwardRequest = { features: { layers: [2], norm: 'raw', pool: 'none' } };
    for (const request of [everything, unpooled]) {
      const graph = await cudaGraph(options, precision, request);
      const operators = operatorsOf(graph);
      expect([...operators].filter((operator) => needCudnn.has(operator))).toEqual([]);
      // onnxruntime itself would fuse these two into BiasSoftmax. Source: core/optimizer/bias_softmax_fusion.cc.
      const sums = new Set(graph.nodes.filter(({ operator }) => operator === 'Add').flatMap(({ outputs }) => outputs));
      const softmaxes = graph.nodes.filter(({ operator }) => operator === 'Softmax');
      expect(softmaxes.flatMap(({ inputs }) => inputs).filter((input) => sums.has(input))).toEqual([]);
    }
  });
});
