import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Probe, readProbe, writeProbe } from '../../../lib/checkpoint/probe.ts';
import { writeSafetensors } from '../../../lib/checkpoint/safetensors/write-safetensors.ts';

const config = { n_embd: 3, n_layer: 4 };
const probe: Probe = {
  layers: [2, 4],
  norm: 'next',
  labels: ['cat', 'dög, "big"'],
  weight: Float32Array.from({ length: 12 }, (_, i) => i - 0.5),
  bias: Float32Array.of(0.25, -1),
};

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'probe-'));
  path = join(directory, 'probe.safetensors');
});
afterEach(() => rm(directory, { recursive: true }));

describe('a linear probe', () => {
  it('is read as it was written', async () => {
    await writeProbe(path, probe);

    expect(await readProbe(path, config)).toEqual(probe);
  });

  const metadata = { layers: '[2,4]', norm: 'next', labels: '["cat","dog"]' };
  const weight = { name: 'weight', shape: [2, 6], data: new Float32Array(12) };
  const bias = { name: 'bias', shape: [2], data: new Float32Array(2) };
  it.each([
    ['a layer above the model', [weight, bias], { ...metadata, layers: '[2,5]' }, /layer 5/],
    ['no layers', [weight, bias], { ...metadata, layers: '[]' }, /layers is \[\]; expected a JSON list of one or more/],
    [
      'a negative layer',
      [weight, bias],
      { ...metadata, layers: '[-1]' },
      /layers is \[-1\]; .* layer numbers, 0 or above/,
    ],
    ['layers that are not a list', [weight, bias], { ...metadata, layers: '2' }, /layers is 2; expected a JSON list/],
    [
      'labels that are not names',
      [weight, bias],
      { ...metadata, labels: `[${'1,'.repeat(999)}1]` },
      /1; expected .* names/,
    ],
    ['layers that are not JSON', [weight, bias], { ...metadata, layers: 'two' }, /layers/],
    ['an unknown norm', [weight, bias], { ...metadata, norm: 'l2' }, /"l2"; expected raw or next/],
    ['no labels', [weight, bias], { layers: '[2,4]', norm: 'next' }, /labels/],
    ['no bias', [weight], metadata, /bias is missing/],
    [
      'another tensor',
      [weight, bias, { ...bias, name: 'scale' }],
      metadata,
      /tensor scale; expected only weight and bias/,
    ],
    [
      'another number of classes',
      [weight, bias],
      { ...metadata, labels: '["cat"]' },
      /\[2, 6\]; expected F32 \[1, 6\]/,
    ],
    ['another width', [weight, bias], { ...metadata, layers: '[2]' }, /\[2, 6\]; expected F32 \[2, 3\]/],
  ])('is refused with %s', async (_, tensors, meta, message) => {
    await writeSafetensors(path, tensors, meta);

    await expect(readProbe(path, config)).rejects.toMatchObject({ code: 'probe_invalid' });
    await expect(readProbe(path, config)).rejects.toThrow(message);
  });
});
