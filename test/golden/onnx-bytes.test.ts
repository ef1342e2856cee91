import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { variantCheckpoint } from '../../lib/checkpoint/initial-weights.ts';
import { type Variant, variantConfig } from '../../lib/checkpoint/variants.ts';
import { decodeStepGraph, prefillGraph } from '../../lib/graph/decode-graphs.ts';
import { type ForwardRequest, forwardGraph, type ImageGptModel } from '../../lib/graph/forward-graph.ts';
import type { Graph } from '../../lib/graph/graph.ts';
import { writeOnnx } from '../../lib/graph/onnx-writer.ts';
import { projectionComparison } from '../../lib/graph/projection-comparison.ts';
import type { Optimizer } from '../../lib/graph/training/adam.ts';
import { applyGraph, trainingStepGraph } from '../../lib/graph/training/training-step-graph.ts';
import type { BlockWeights, ImageGptWeights, Projection, Weight } from '../../lib/graph/weights.ts';
import { gpuGraph } from '../../lib/runtime/forward.ts';

// Each line of a snapshot names a graph and gives the start of the SHA-256 of its ONNX bytes. Equal bytes give equal
// numbers. After a deliberate change of a graph: npx vitest run --config test/vitest.config.ts onnx-bytes -u
const folder = '../fixtures/golden/onnx-bytes';

type Precision = 'f32' | 'f16' | 'int8' | 'int8-unfolded' | 'int8-block';

test('forward graphs on the CPU have the recorded bytes', async () => {
  const lines = models.flatMap(([name, model]) =>
    (['f32', 'f16', 'int8', 'int8-unfolded', 'int8-block'] as const).flatMap((precision) =>
      requestsOf(model).map(([output, request]) =>
        line(`${name} ${precision} ${output}`, () => forwardGraph(inPrecision(model, precision), request)),
      ),
    ),
  );
  await expect(lines.join('\n')).toMatchFileSnapshot(`${folder}/forward-cpu.txt`);
});

test('forward graphs on GPUs have the recorded bytes', async () => {
  const lines = short.flatMap(([name, model]) =>
    (['cuda', 'webgpu'] as const).flatMap((provider) =>
      (['f32', 'f16'] as const).flatMap((precision) =>
        requestsOf(model).map(([output, request]) =>
          line(`${name} ${provider} ${precision} ${output}`, () =>
            gpuGraph(inPrecision(model, precision), request, provider, 3),
          ),
        ),
      ),
    ),
  );
  await expect(lines.join('\n')).toMatchFileSnapshot(`${folder}/forward-gpu.txt`);
});

test('sampling graphs have the recorded bytes', async () => {
  const lines = models
    .filter(([, { config }]) => config.objective === 'ar')
    .flatMap(([name, model]) =>
      (['f32', 'f16', 'int8-block'] as const).flatMap((precision) => {
        const precise = inPrecision(model, precision);
        return [
          ...[1, 2, 300].map((length) =>
            line(`${name} ${precision} prefill ${length}`, () => prefillGraph(precise, length)),
          ),
          ...[2, 8].map((batch) => line(`${name} ${precision} step ${batch}`, () => decodeStepGraph(precise, batch))),
        ];
      }),
    );
  await expect(lines.join('\n')).toMatchFileSnapshot(`${folder}/sampling.txt`);
});

test('training graphs have the recorded bytes', async () => {
  const adam: Optimizer = { kind: 'adam', weightDecay: 0.01, betas: [0.9, 0.95], epsilon: 1e-8 };
  const adamw: Optimizer = { ...adam, kind: 'adamw', clip: 1 };
  const outputs = [
    ['losses', { kind: 'losses' }],
    ['gradients', { kind: 'gradients' }],
    ['adam', { kind: 'update', optimizer: adam, sums: false }],
    ['adamw', { kind: 'update', optimizer: adamw, sums: true }],
  ] as const;
  const lines = short.flatMap(([name, { config, weights }]) =>
    (['generative', 'classification', 'joint'] as const).flatMap((loss) => {
      const trained = loss === 'classification' ? [weights.score ?? weights.wte] : [weights.wpe, ...matrices(weights)];
      return [
        ...outputs.map(([kind, output]) =>
          line(`${name} ${loss} ${kind}`, () =>
            trainingStepGraph(config, weights, {
              loss,
              output,
              trained,
              batch: 2,
              headLayer: 1,
              recompute: kind === 'gradients',
            }),
          ),
        ),
        line(`${name} ${loss} apply`, () => applyGraph(trained, adamw, 2)),
      ];
    }),
  );
  await expect(lines.join('\n')).toMatchFileSnapshot(`${folder}/training.txt`);
});

test('graphs that compare number formats have the recorded bytes', async () => {
  const lines = models.flatMap(([name, model]) =>
    (['int8', 'int8-unfolded', 'int8-block'] as const).map((precision) => {
      const { weights } = inPrecision(model, precision);
      const length = model.config.objective === 'bert' ? model.config.n_positions : 256;
      return line(`${name} ${precision}`, () => projectionComparison(model, weights, length));
    }),
  );
  await expect(lines.join('\n')).toMatchFileSnapshot(`${folder}/comparison.txt`);
});

/** All head sizes of the published models (64, 128, 96), one that fused kernels refuse (6), and both layouts. */
const models: readonly (readonly [string, ImageGptModel])[] = [
  ['S', published('S')],
  ['M', published('M', { n_layer: 2 })],
  ['L', published('L', { n_layer: 2 })],
  ['XL', published('XL', { n_layer: 1 })],
  ['S-bert', published('S', { n_layer: 2, objective: 'bert' })],
  ['narrow', published('S', { n_layer: 2, n_embd: 30, n_head: 5, n_inner: 120, n_positions: 400 })],
  ['S-openai', inOpenAiLayout(published('S', { n_layer: 2 }))],
  ['S-bert-openai', inOpenAiLayout(published('S', { n_layer: 2, objective: 'bert' }))],
];

/** The same models with fewer tokens: causal masks of 1,024 tokens would take most of the time. */
const short = models
  .filter(([name]) => name !== 'XL')
  .map(([name, { config, weights }]) => {
    const shorter = { ...config, n_layer: 2, n_positions: 324 };
    return [name, { config: shorter, weights: { ...weights, blocks: weights.blocks.slice(0, 2) } }] as const;
  });

function published(variant: Variant, other: Partial<ImageGptModel['config']> = {}): ImageGptModel {
  const config = { ...variantConfig(variant), ...other };
  // Hugging Face's layout, also for BERT models, which were once written in it.
  const { weights } = variantCheckpoint(variant, { ...config, objective: 'ar' });
  return { config, weights: { ...weights, score: weight('score.weight', [10, config.n_embd]) } };
}

/** OpenAI's layout: separate matrices for queries, keys and values, no biases, and a separate SOS (not for BERT). */
function inOpenAiLayout({ config, weights }: ImageGptModel): ImageGptModel {
  const { n_embd: d, n_head: H, objective } = config;
  const byHead = (name: string) => weight(name, [H, d / H, d]);
  const { directory, wte, wpe, lnF, lmHead, score } = weights;
  const blocks = weights.blocks.map(
    ({ ln1, ln2, fc, mlpProjection }, i): BlockWeights => ({
      ln1,
      ln2,
      fc,
      mlpProjection,
      attention: { layout: 'split', q: byHead(`q${i}`), k: byHead(`k${i}`), v: byHead(`v${i}`) },
      attentionProjection: byHead(`out${i}`),
    }),
  );
  const sos = objective === 'ar' ? weight('sos', [d]) : undefined;
  return { config, weights: { directory, layout: 'openai', wte, sos, wpe, blocks, lnF, lmHead, score } };
}

function requestsOf({ config }: ImageGptModel): [string, ForwardRequest][] {
  const top = config.n_layer;
  const features = (norm: 'raw' | 'next', pool: 'mean' | 'none', ...layers: number[]): ForwardRequest => ({
    features: { layers, norm, pool },
  });
  return [
    ['pooled', features('next', 'mean', 1)],
    ['pooled-of-all', features('raw', 'mean', ...Array.from({ length: top + 1 }, (_, i) => i))],
    ['by-token', features('next', 'none', 0, top)],
    ['classes', { classes: true }],
    ['likelihood', { likelihood: true }],
    ['logits', { logits: true }],
    ['all', { ...features('next', 'mean', top), classes: true, likelihood: true, logits: true }],
  ];
}

function inPrecision(model: ImageGptModel, precision: Precision): ImageGptModel {
  if (precision === 'f32') return model;
  if (precision === 'f16') return { ...model, weights: halved(model.weights) };
  const blocks = model.weights.blocks.map((block, i) => ({
    ...block,
    quantized: quantized(block, i, model, precision),
  }));
  return { ...model, weights: { ...model.weights, blocks } };
}

function quantized(block: BlockWeights, i: number, { config }: ImageGptModel, precision: Precision) {
  const { n_embd: d, n_inner } = config;
  return {
    attention: projection(`attention ${i}`, d, 3 * d, precision),
    attentionProjection: projection(`projection ${i}`, d, d, precision),
    fc: projection(`fc ${i}`, d, n_inner, precision),
    mlpProjection: projection(`mlp ${i}`, n_inner, d, precision),
    valueScales: weight(`value scales ${i}`, [d]),
    foldedLn1: precision === 'int8' ? block.ln1 : undefined,
    foldedLn2: precision === 'int8' ? block.ln2 : undefined,
  };
}

function projection(name: string, k: number, columns: number, precision: Precision): Projection {
  if (precision === 'int8-block') {
    const blocks = Math.ceil(k / 128);
    const values = {
      ...weight(`${name} values`, [columns, blocks, 128]),
      dtype: 'U8',
      length: columns * blocks * 128,
    } as const;
    return { format: 'int8-block', inputs: k, values, scales: weight(`${name} scales`, [columns * blocks]) };
  }
  const values = { ...weight(`${name} values`, [k, columns]), dtype: 'I8', length: k * columns } as const;
  return { format: 'int8', values, scales: weight(`${name} scales`, [columns]) };
}

function weight(name: string, shape: readonly number[]): Weight {
  const length = 4 * shape.reduce((product, size) => product * size, 1);
  return { name, file: 'model.safetensors', offset: 64, length, dtype: 'F32', shape };
}

/** The same weights in F16. */
function halved(weights: ImageGptWeights): ImageGptWeights {
  return JSON.parse(JSON.stringify(weights), (_, value) =>
    value !== null && value.dtype === 'F32' ? { ...value, dtype: 'F16', length: value.length / 2 } : value,
  );
}

function matrices({ blocks }: ImageGptWeights): Weight[] {
  return blocks.flatMap(({ attentionProjection, fc, mlpProjection }) => [attentionProjection, fc, mlpProjection]);
}

/** The name of a graph and the digest of its bytes. */
function line(name: string, build: () => Graph): string {
  return `${name}: ${createHash('sha256').update(writeOnnx(build())).digest('hex').slice(0, 16)}`;
}
