import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addInput, addOutput, addWeight, createGraph } from '../../../lib/graph/graph.ts';
import { writeOnnx } from '../../../lib/graph/onnx-writer.ts';
import { add } from '../../../lib/graph/operators.ts';
import type { Weight } from '../../../lib/graph/weights.ts';
import { onnxruntimeVersion, openSession } from '../../../lib/runtime/session.ts';

/** y = x + w, where w is [2] in the file `weights`. */
function sumGraph(weight: Partial<Weight> = {}): Uint8Array<ArrayBuffer> {
  const graph = createGraph('sum');
  const x = addInput(graph, 'x', 'float32', ['batch', 2]);
  const w = addWeight(graph, { name: 'w', file: 'weights', offset: 4, length: 8, dtype: 'F32', shape: [2], ...weight });
  addOutput(graph, 'y', add(graph, x, w), 'float32', ['batch', 2]);
  return writeOnnx(graph);
}

async function withWeights(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'session-'));
  await writeFile(join(directory, 'weights'), new Uint8Array(Float32Array.of(9, 1, 2, 9).buffer));
  await run(directory).finally(() => rm(directory, { recursive: true }));
}

function float32(data: number[], dims: number[]) {
  return { type: 'float32', data: Float32Array.from(data), dims } as const;
}

test('weights are read where the graph says that they lie', () =>
  withWeights(async (directory) => {
    const session = await openSession(sumGraph(), { directory });
    const outputs = await session.execute({ x: float32([10, 20, 30, 40], [2, 2]) });
    expect(outputs).toEqual(new Map([['y', { data: Float32Array.of(11, 22, 31, 42), dims: [2, 2] }]]));
    await session.close();
  }));

test.each([
  ['F16', [0x00, 0x3c, 0x00, 0xc0]],
  ['BF16', [0x80, 0x3f, 0x00, 0xc0]],
] as const)('weights of 16 bits are widened: 1 and -2 as %s', (dtype, bytes) =>
  withWeights(async (directory) => {
    await writeFile(join(directory, 'weights'), Uint8Array.from(bytes));
    const session = await openSession(sumGraph({ offset: 0, length: 4, dtype }), { directory });
    expect((await session.execute({ x: float32([0, 0], [1, 2]) })).get('y')?.data).toEqual(Float32Array.of(1, -2));
    await session.close();
  }),
);

test('weights beyond 4 GB of a file are found', () =>
  withWeights(async (directory) => {
    const offset = 5_000_000_000; // a hole in the file: it takes no space on disk
    const file = await open(join(directory, 'weights'), 'w');
    await file.write(new Uint8Array(Float32Array.of(3, 4).buffer), 0, 8, offset);
    await file.close();
    const session = await openSession(sumGraph({ offset }), { directory });
    expect((await session.execute({ x: float32([0, 0], [1, 2]) })).get('y')?.data).toEqual(Float32Array.of(3, 4));
    await session.close();
  }));

test.each([
  [{}, 'Expected an input x, received none.'],
  [{ x: float32([1, 2], [1, 2]), z: float32([1], [1]) }, 'Expected the inputs x, received also z.'],
  [
    { x: { type: 'int32', data: Int32Array.of(1, 2), dims: [1, 2] } as const },
    'Expected float32 for x, received int32.',
  ],
  [{ x: float32([1, 2, 3], [1, 3]) }, 'Expected [batch, 2] for x, received [1, 3].'],
  [{ x: float32([1, 2], [2]) }, 'Expected [batch, 2] for x, received [2].'],
  [{ x: float32([1, 2, 3], [2, 2]) }, 'Expected 4 elements for x, received 3.'],
])('wrong inputs are named: %#', (inputs, message) =>
  withWeights(async (directory) => {
    const session = await openSession(sumGraph(), { directory });
    await expect(session.execute(inputs)).rejects.toMatchObject({
      name: 'RuntimeError',
      code: 'input_invalid',
      message,
    });
    await session.close();
  }),
);

test('a weight file that ends too early is one clear error, which names no path', () =>
  withWeights(async (directory) => {
    const opening = openSession(sumGraph({ offset: 12 }), { directory });
    await expect(opening).rejects.toMatchObject({
      code: 'session_failed',
      message: expect.not.stringContaining(directory),
      cause: expect.any(Error),
    });
  }));

test('a missing weight file is a clear error too', async () => {
  await expect(openSession(sumGraph(), { directory: tmpdir() })).rejects.toMatchObject({ code: 'session_failed' });
});

test('a provider that this machine lacks is refused with what is missing, never replaced by another', () =>
  withWeights(async (directory) => {
    await expect(openSession(sumGraph(), { directory, provider: 'cuda' })).rejects.toMatchObject({
      code: 'provider_unavailable',
      message: expect.stringMatching(/^onnxruntime cannot open the graph on cuda: .* missing.*, or use cpu\.$/),
    });
  }));

test('the version of onnxruntime is known', () => {
  expect(onnxruntimeVersion).toMatch(/^\d+\.\d+\.\d+/);
});
