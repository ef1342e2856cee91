import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import type { ForwardRequest, ImageGptModel } from '../../../lib/graph/forward-graph.ts';
import type { Graph } from '../../../lib/graph/graph.ts';
import { gpuGraph, openForward } from '../../../lib/runtime/forward.ts';
import { inPrecision } from '../../../lib/runtime/precision.ts';
import {
  randomTokens,
  type TinyCheckpoint,
  type TinyCheckpointOptions,
  tinyCheckpoint,
} from '../../support/tiny-checkpoint.ts';

describe('an open model', () => {
  const n = 16;
  const colors = 8;
  let checkpoint: TinyCheckpoint;
  let bertCheckpoint: TinyCheckpoint;
  let model: ImageGptModel;
  let bert: ImageGptModel;
  beforeAll(async () => {
    checkpoint = await tinyCheckpoint();
    model = await openCheckpoint(checkpoint.directory);
    bertCheckpoint = await tinyCheckpoint({ objective: 'bert' });
    bert = await openCheckpoint(bertCheckpoint.directory);
  });
  afterAll(async () => {
    await checkpoint[Symbol.asyncDispose]();
    await bertCheckpoint[Symbol.asyncDispose]();
  });

  test('a probe gives weight x mean features + bias', async () => {
    const layers = [0, 2];
    const weight = Float32Array.from({ length: 2 * 32 }, (_, i) => (i % 5) - 2);
    const bias = Float32Array.of(10, -10);
    const features = { layers, norm: 'raw', pool: 'mean' } as const;
    const forward = await openForward(
      { ...model, probe: { layers, norm: 'raw', weight, bias } },
      { features, classes: true },
    );
    const outputs = await forward.execute(randomTokens(1, n, colors));
    await forward.close();
    const pooled = [...outputs.get('features')!.data];
    const expected = [0, 1].map((c) => pooled.reduce((sum, value, i) => sum + value * weight[32 * c + i]!, bias[c]!));
    expect(outputs.get('classes')!.dims).toEqual([1, 2]);
    outputs.get('classes')!.data.forEach((value, c) => {
      expect(value).toBeCloseTo(expected[c]!, 4);
    });
  });

  test('the likelihood is -log of the softmax at the token', async () => {
    const forward = await openForward(model, { logits: true, likelihood: true });
    const tokens = randomTokens(2, n, colors);
    const outputs = await forward.execute(tokens);
    await forward.close();
    tokens.forEach((token, i) => {
      const logits = [...outputs.get('logits')!.data.subarray(i * colors, (i + 1) * colors)];
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
      expect(outputs.get('likelihood')!.data[i]).toBeCloseTo(Math.log(total) - logits[token]!, 5);
    });
  });

  test.each(['huggingface', 'openai'] as const)(
    'prepacked weights change nothing beyond rounding (%s)',
    async (layout) => {
      await using other = await tinyCheckpoint({ layout });
      const opened = await openCheckpoint(other.directory);
      const tokens = randomTokens(3, n, colors);
      const [mapped, prepacked] = await Promise.all(
        [false, true].map(async (prepack) => {
          const forward = await openForward(opened, { logits: true }, { prepack });
          const { data } = (await forward.execute(tokens)).get('logits')!;
          await forward.close();
          return data;
        }),
      );
      const largest = Math.max(1, ...mapped!.map(Math.abs));
      prepacked!.forEach((value, i) => {
        expect(Math.abs(value - mapped![i]!)).toBeLessThanOrEqual(2e-5 * largest);
      });
    },
  );

  test('pooled features are the mean of unpooled ones', async () => {
    const feature = { layers: [1, 2], norm: 'next' } as const;
    const pooled = await openForward(model, { features: { ...feature, pool: 'mean' } });
    const whole = await openForward(model, { features: { ...feature, pool: 'none' } });
    const tokens = randomTokens(3, 2 * n, colors);
    const means = (await pooled.execute(tokens)).get('features')!;
    const all = (await whole.execute(tokens)).get('features')!;
    await Promise.all([pooled.close(), whole.close()]);
    expect([means.dims, all.dims]).toEqual([
      [2, 32],
      [2, n, 32],
    ]);
    means.data.forEach((mean, at) => {
      const [picture, channel] = [Math.floor(at / 32), at % 32];
      const column = Array.from({ length: n }, (_, i) => all.data[(picture * n + i) * 32 + channel]!);
      expect(mean).toBeCloseTo(column.reduce((sum, value) => sum + value, 0) / n, 5);
    });
  });

  test('a checkpoint in a hub cache opens: every file is a symbolic link', async () => {
    const cache = await mkdtemp(join(tmpdir(), 'hub-'));
    await mkdir(join(cache, 'blobs'));
    await mkdir(join(cache, 'snapshot'));
    for (const name of ['config.json', 'model.safetensors']) {
      await copyFile(join(checkpoint.directory, name), join(cache, 'blobs', `sha-of-${name.length}`));
      await symlink(join('..', 'blobs', `sha-of-${name.length}`), join(cache, 'snapshot', name));
    }
    const tokens = randomTokens(7, n, colors);
    const outputs = [];
    for (const opened of [model, await openCheckpoint(join(cache, 'snapshot'))]) {
      const forward = await openForward(opened, { classes: true });
      outputs.push(await forward.execute(tokens));
      await forward.close();
    }
    await rm(cache, { recursive: true });
    expect(outputs[1]).toEqual(outputs[0]);
  });

  test('16-bit and 32-bit tokens give equal outputs', async () => {
    const forward = await openForward(model, { classes: true });
    const tokens = randomTokens(4, n, colors);
    expect(await forward.execute(Int32Array.from(tokens))).toEqual(await forward.execute(tokens));
    await forward.close();
  });

  test('without a mask nothing is masked', async () => {
    const forward = await openForward(bert, { classes: true });
    const tokens = randomTokens(5, n, colors);
    const plain = await forward.execute(tokens);
    expect(await forward.execute(tokens, new Uint8Array(n))).toEqual(plain);
    expect(await forward.execute(tokens, new Uint8Array(n).fill(1))).not.toEqual(plain);
    await forward.close();
  });

  test('a masked token changes nothing', async () => {
    const forward = await openForward(bert, { classes: true });
    const tokens = randomTokens(6, n, colors);
    const mask = new Uint8Array(n);
    mask[3] = 1;
    const before = await forward.execute(tokens, mask);
    tokens[3] = (tokens[3]! + 1) % colors;
    expect(await forward.execute(tokens, mask)).toEqual(before);
    await forward.close();
  });

  test.each([
    ['a token beyond the palette', [...Array(15).fill(0), 8], 'Expected tokens from 0 to 7, received 8 in picture 0.'],
    ['a negative token', [...Array(31).fill(0), -1], 'Expected tokens from 0 to 7, received -1 in picture 1.'],
    ['half a picture', Array(24).fill(0), 'Expected pictures of 16 tokens, received 24 tokens.'],
    ['no picture', [], 'Expected pictures of 16 tokens, received 0 tokens.'],
  ])('%s is refused', async (_, tokens, message) => {
    const forward = await openForward(model, { classes: true });
    await expect(forward.execute(Int32Array.from(tokens))).rejects.toMatchObject({ code: 'input_invalid', message });
    await forward.close();
  });

  test('a mask is refused for an autoregressive model, or if its size is wrong', async () => {
    const forward = await openForward(model, { classes: true });
    await expect(forward.execute(new Int32Array(n), new Uint8Array(n))).rejects.toMatchObject({
      code: 'input_invalid',
    });
    await forward.close();
    const masked = await openForward(bert, { classes: true });
    await expect(masked.execute(new Int32Array(n), new Uint8Array(3))).rejects.toMatchObject({ code: 'input_invalid' });
    await masked.close();
  });
});

describe('gpu graph', () => {
  test('8 bits are refused on a GPU, as onnxruntime would compute them on the CPU', async () => {
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

  test('CUDA gets fused attention in 16 bits only, WebGPU none', async () => {
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
   * Operators whose CUDA kernels need cuDNN, always or for some shapes. The image has no cuDNN, so they would fail with
   * NOT_IMPLEMENTED. Source: the kernels of libonnxruntime_providers_cuda.so (onnxruntime-gpu 1.30.0) that call
   * CudaKernel::GetCudnnHandle (onnxruntime/core/providers/cuda/cuda_kernel.h), directly or up to three calls deep.
   * GroupQueryAttention calls it too, but only if cuDNN is there (group_query_attention.cc, `use_cudnn_sdpa`, from
   * compute capability 9.0 on).
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
    classes: true,
    likelihood: true,
    logits: true,
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
        // onnxruntime would fuse Add and Softmax into BiasSoftmax. Source: core/optimizer/bias_softmax_fusion.cc.
        const sums = new Set(
          graph.nodes.filter(({ operator }) => operator === 'Add').flatMap(({ outputs }) => outputs),
        );
        const softmaxes = graph.nodes.filter(({ operator }) => operator === 'Softmax');
        expect(softmaxes.flatMap(({ inputs }) => inputs).filter((input) => sums.has(input))).toEqual([]);
      }
    });
  });
});
