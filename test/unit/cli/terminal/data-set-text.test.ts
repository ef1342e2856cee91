import { describe, expect, test } from 'vitest';
import { dataSetJson, describeDataSet } from '../../../../lib/cli/terminal/data-set-text.ts';
import { type DataSet, tokenDataSet } from '../../../../lib/training/data/data-set.ts';

const labelled = (classes: string[], ...labels: number[]): DataSet => ({
  ...tokenDataSet('x', new Uint16Array(labels.length), 1, labels),
  classes,
});

describe('the description of a data set', () => {
  test('has the classes, the parts with their folders, and what is left out', () => {
    const dataSet: DataSet = {
      ...labelled(['cat', 'dog'], 0, 1, 1),
      parts: Uint8Array.of(0, 2, 0),
      partFolders: new Map([
        ['train', 'train'],
        ['Test\u001b', 'test'],
      ]),
      leftOut: new Map([
        ['runs', 2],
        ['.', 1],
      ]),
      skipped: { corrupt_image: 4 },
    };
    expect(describeDataSet('x', dataSet).split('\n')).toEqual([
      'x: 3 pictures of 2 classes; left out, as they could not be read: corrupt_image 4',
      'classes: cat (1), dog (2)',
      'parts: train 2, test 1 (Test\\u001b)',
      'left out: runs (2 pictures), which is beside the parts',
      'left out: 1 picture in no folder, beside the parts',
      '',
    ]);
    expect(dataSetJson(dataSet)).toEqual({
      name: 'x',
      pictures: 3,
      classes: [
        { label: 'cat', pictures: 1 },
        { label: 'dog', pictures: 2 },
      ],
      parts: { train: 2, validation: 0, test: 1 },
      left_out: { runs: 2, '.': 1 },
      unreadable: { corrupt_image: 4 },
    });
  });

  test('lists the first hundred of a thousand classes, and counts the others', () => {
    const names = Array.from({ length: 1000 }, (_, i) => `n${1000 + i}`);
    const [, classes] = describeDataSet('x', labelled(names, ...names.keys(), 5)).split('\n');
    expect(classes).toMatch(
      /^classes: n1000 \(1\), .*n1005 \(2\), .*n1099 \(1\), … \(900 more; 1 to 2 pictures each\)$/,
    );
  });

  test('says which classes differ in case only', () => {
    expect(describeDataSet('x', labelled(['Cat', 'cat', 'dog'], 0, 1, 2))).toContain(
      'Cat and cat differ in case only, and are classes apart\n',
    );
  });

  test('is one line without labels', () => {
    expect(describeDataSet('x', tokenDataSet('x', new Uint16Array(3), 1))).toBe('x: 3 pictures without labels\n');
  });
});
