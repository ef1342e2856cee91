import { describe, expect, it } from 'vitest';
import { gatherTokens, requireLabels, tokenDataSet } from '../../../../lib/training/data/data-set.ts';

const tokens = Uint16Array.of(0, 1, 2, 3, 4, 5);

describe('a data set of tokens', () => {
  it('names its classes by number', () => {
    const dataSet = tokenDataSet('x.npy', tokens, 2, [0, 2, 0]);

    expect(dataSet).toMatchObject({ size: 3, tokensPerPicture: 2, classes: ['0', '1', '2'] });
    expect(requireLabels(dataSet).labels).toEqual(Int32Array.of(0, 2, 0));
  });

  it('gives the tokens of rows in the order of the rows', () => {
    expect(gatherTokens(tokenDataSet('x.npy', tokens, 2), [2, 0])).toEqual(Uint16Array.of(4, 5, 0, 1));
  });

  it('is refused as a labelled data set without labels', () => {
    expect(() => requireLabels(tokenDataSet('x.npy', tokens, 2))).toThrow(/x\.npy has no labels; expected .*--labels/);
  });

  it.each([
    ['too few labels', [0, 1], /labels of x\.npy: expected 3 labels, one for each picture, received 2/],
    ['a negative label', [0, -1, 1], /received -1 for picture 1/],
    ['a label that is not a whole number', [0, 0.5, 1], /received 0\.5 for picture 1/],
    ['a label beyond the largest allowed', [0, 0, 1e9], /received 1000000000 for picture 2/],
  ])('refuses %s', (_, labels, message) => {
    expect(() => tokenDataSet('x.npy', tokens, 2, labels)).toThrow(message);
  });

  it('refuses a file without pictures', () => {
    expect(() => tokenDataSet('x.npy', new Uint16Array(0), 2)).toThrow(/expected x\.npy to have one or more rows/);
  });
});
