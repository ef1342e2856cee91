import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../lib/image-gpt/random.ts';
import { type LabelledDataSet, requireLabels, tokenDataSet } from '../../../../lib/training/data/data-set.ts';
import { splitDataSet } from '../../../../lib/training/data/split.ts';
import type { LayerFeatures } from '../../../../lib/training/probe/layer-features.ts';
import {
  bestProbe,
  drawSplits,
  probeCandidates,
  probeLayers,
  usedRows,
} from '../../../../lib/training/probe/probe-layers.ts';

const N = 120;
const random = createRandom(9, 9);
const labels = Int32Array.from({ length: N }, (_, i) => i % 2);
const dataSet: LabelledDataSet = requireLabels(tokenDataSet('x', new Uint16Array(N), 1, labels));
const split = splitDataSet(dataSet, { validation: 0.2, test: 0.2 });

function shared(values: ArrayLike<number>): Float32Array<SharedArrayBuffer> {
  const array = new Float32Array(new SharedArrayBuffer(values.length * 4));
  array.set(values);
  return array;
}

/** Layer 0 is noise. Layer 1 separates the classes; layers 2 and 3 only do so together. */
const coin = Float32Array.from({ length: N }, () => random() - 0.5);
const features: LayerFeatures = {
  layers: [0, 1, 2, 3],
  norm: 'raw',
  width: 1,
  values: new Map([
    [0, shared(Float32Array.from({ length: N }, () => random()))],
    [1, shared(Float32Array.from(labels, (label) => label + 0.4 * random()))],
    [2, shared(coin)],
    [3, shared(Float32Array.from(coin, (value, i) => value + 0.2 * ((labels[i] ?? 0) - 0.5)))],
  ]),
};

describe('probes by layer', () => {
  it('are right on a layer that separates the classes', async () => {
    const results = await probeLayers(dataSet, features, { candidates: [[0], [1]], draws: [split], threads: 2 });

    expect(results.map(({ layers }) => layers)).toEqual([[0], [1]]);
    expect(results[0]?.testAccuracy).toBeLessThan(0.8);
    expect(results[1]).toMatchObject({ validationAccuracy: 1, testAccuracy: 1, testDeviation: 0, converged: true });
  });

  it('read several concatenated layers', async () => {
    const [alone, both] = await probeLayers(dataSet, features, {
      candidates: [[2], [2, 3]],
      draws: [split],
      threads: 1,
    });

    expect(alone?.testAccuracy).toBeLessThan(0.8);
    expect(both?.testAccuracy).toBe(1);
    expect(both?.probe.weight.length).toBe(2 * 2);
  });

  it('learn from a few labels a class, averaged over several draws', async () => {
    const draws = drawSplits(dataSet, split, { labelsPerClass: 4, draws: 3 });
    const [result] = await probeLayers(dataSet, features, { candidates: [[1]], draws, threads: 2 });
    const [again] = await probeLayers(dataSet, features, { candidates: [[1]], draws, threads: 1 });

    expect(draws.map(({ train }) => train.length)).toEqual([8, 8, 8]);
    expect(new Set(draws.map(({ train }) => train.join())).size).toBe(3);

    expect(result?.testAccuracy).toBeGreaterThan(0.9);
    expect(again).toEqual(result);
  });

  it('learn even from one label a class', async () => {
    const draws = drawSplits(dataSet, split, { labelsPerClass: 1 });
    const [result] = await probeLayers(dataSet, features, { candidates: [[1]], draws, threads: 1 });

    expect(result?.testAccuracy).toBeGreaterThan(0.9);
  });
});

describe('rows that probes are trained on', () => {
  it('are the split itself, or a few labels of each class that are not in the test part', () => {
    expect(drawSplits(dataSet, split)).toEqual([split]);
    const [few] = drawSplits(dataSet, split, { labelsPerClass: 5 });

    expect(few?.test).toEqual(split.test);
    expect(few?.train.filter((row) => labels[row] === 1)).toHaveLength(5);
    expect(few?.train.filter((row) => split.test.includes(row))).toHaveLength(0);
  });

  it('are only those of the splits', () => {
    expect(
      usedRows([{ train: Uint32Array.of(5, 2), validation: Uint32Array.of(), test: Uint32Array.of(2, 1) }]),
    ).toEqual(Uint32Array.of(1, 2, 5));
  });

  it.each([
    ['one class only', ['a'], new Int32Array(N), {}, /x has one class only, a/],
    ['an empty class', ['0', '1', 'z'], labels, {}, /class z of x has 0 pictures to train on, expected 1/],
    ['fewer labels than wanted', ['0', '1'], labels, { labelsPerClass: 49 }, /class 0 of x has 48 .* expected 49/],
  ])('is refused with %s', (_, classes, changed, options, message) => {
    expect(() => drawSplits({ ...dataSet, classes, labels: changed }, split, options)).toThrow(message);
  });

  it('are refused without held-out pictures', () => {
    const all = { ...split, validation: new Uint32Array(0) };

    expect(() => drawSplits(dataSet, all)).toThrow(/larger --validation-share/);
  });
});

describe('probeCandidates', () => {
  it('has a probe for each layer, and one for the concatenated layers', () => {
    expect(probeCandidates({ layers: 'all', concat: [1, 2] }, 2, 'm')).toEqual({
      candidates: [[0], [1], [2], [1, 2]],
      layers: [0, 1, 2],
    });
    expect(() => probeCandidates({ layers: [3] }, 2, 'm')).toThrow('layer 3: expected 0 to 2, the layers of m');
  });

  it('the best has the highest accuracy on held-out pictures, the lowest layer among equals', async () => {
    const probe = { weight: new Float32Array(), bias: new Float32Array(), penalty: 1 };
    const result = (layer: number, validationAccuracy: number) => ({
      layers: [layer],
      validationAccuracy,
      testAccuracy: 1 - validationAccuracy,
      testDeviation: 0,
      probe: { ...probe, validationAccuracy, testAccuracy: 0, converged: true },
      converged: true,
    });
    expect(bestProbe([result(0, 0.5), result(1, 0.7), result(2, 0.7)])?.layers).toEqual([1]);
    expect(bestProbe([])).toBeUndefined();
  });
});
