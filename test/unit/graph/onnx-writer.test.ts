import { expect, test } from 'vitest';
import { addConstant, addInput, addNode, addOutput, addWeight, createGraph } from '../../../lib/graph/graph.ts';
import { writeOnnx } from '../../../lib/graph/onnx-writer.ts';
import type { Weight } from '../../../lib/graph/weights.ts';

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** A length-delimited field, written by hand: tag, length, content. */
function field(tag: string, content: string): string {
  expect(content.length / 2).toBeLessThan(128);
  return tag + (content.length / 2).toString(16).padStart(2, '0') + content;
}

function text(value: string): string {
  return Buffer.from(value).toString('hex');
}

test('an empty graph is its version, producer, name and operator sets', () => {
  const producer = field('12', text('image-gpt-serverless'));
  const graph = field('3a', field('12', text('g')));
  const sets = field('42', '1015') + field('42', `${field('0a', text('com.microsoft'))}1001`);
  expect(hex(writeOnnx(createGraph('g')))).toBe(`080a${producer}${graph}${sets}`);
});

test('a node carries inputs, outputs, operator, attributes and domain', () => {
  const graph = createGraph('g');
  addNode(
    graph,
    'Op',
    ['a', ''],
    {
      i: { kind: 'int', value: 3 },
      f: { kind: 'float', value: 1 },
      s: { kind: 'string', value: 'x' },
      l: { kind: 'ints', value: [1, 2] },
      v: { kind: 'floats', value: [1] },
    },
    'com.microsoft',
  );
  const attributes = [
    `${field('0a', text('i'))}1803a00102`,
    `${field('0a', text('f'))}150000803fa00101`,
    `${field('0a', text('s')) + field('22', text('x'))}a00103`,
    `${field('0a', text('l'))}40014002a00107`,
    `${field('0a', text('v'))}3d0000803fa00106`,
  ];
  const node =
    field('0a', text('a')) +
    field('0a', '') +
    field('12', text('Op_0')) +
    field('22', text('Op')) +
    attributes.map((attribute) => field('2a', attribute)).join('') +
    field('3a', text('com.microsoft'));
  expect(hex(writeOnnx(graph))).toContain(field('0a', node));
});

test('inputs and outputs carry their type, fixed and named sizes', () => {
  const graph = createGraph('g');
  addInput(graph, 't', 'int32', ['batch', 4]);
  addOutput(graph, 'y', 't', 'float32', [2]);
  const value = (name: string, type: string, dimensions: string[]) =>
    field('0a', text(name)) +
    field('12', field('0a', `08${type}${field('12', dimensions.map((size) => field('0a', size)).join(''))}`));
  const bytes = hex(writeOnnx(graph));
  expect(bytes).toContain(field('5a', value('t', '06', [field('12', text('batch')), '0804'])));
  expect(bytes).toContain(field('62', value('y', '01', ['0802'])));
});

test('a constant is stored in the graph, little endian', () => {
  const graph = createGraph('g');
  addConstant(graph, 'c', Int32Array.of(1, -1), [2]);
  const tensor = `08021006${field('42', text('c'))}${field('4a', '01000000ffffffff')}`;
  expect(hex(writeOnnx(graph))).toContain(field('2a', tensor));
});

test('a weight names its file, offset and length', () => {
  const graph = createGraph('g');
  const weight: Weight = { name: 'w', file: 'm', offset: 5_000_000_000, length: 24, dtype: 'F32', shape: [2, 3] };
  addWeight(graph, weight);
  const entry = (key: string, value: string) => field('6a', field('0a', text(key)) + field('12', text(value)));
  const entries = entry('location', 'm') + entry('offset', '5000000000') + entry('length', '24');
  const bytes = hex(writeOnnx(graph));
  expect(bytes).toContain(`080208031001${field('42', text('w[0:2] as 2x3'))}`);
  expect(bytes).toContain(`${entries}7001`);
});
