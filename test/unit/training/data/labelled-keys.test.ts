import { describe, expect, it } from 'vitest';
import { labelledKeys } from '../../../../lib/training/data/labelled-keys.ts';

describe('labels by folder', () => {
  it('are the first folders, sorted', () => {
    expect(labelledKeys(['dog/1.jpg', 'cat/2.jpg', 'dog/old/3.jpg'])).toEqual({
      labels: Int32Array.of(1, 0, 1),
      classes: ['cat', 'dog'],
    });
  });

  it('are the second folders below train, validation and test, which divide', () => {
    expect(labelledKeys(['train/dog/1.jpg', 'test/cat/2.jpg', 'val/cat/3.jpg'])).toEqual({
      labels: Int32Array.of(1, 0, 0),
      classes: ['cat', 'dog'],
      parts: Uint8Array.of(0, 2, 1),
    });
  });

  it('take train for a class where it stands beside others', () => {
    expect(labelledKeys(['train/1.jpg', 'bus/2.jpg'])).toMatchObject({ classes: ['bus', 'train'] });
  });

  it('are none as soon as a picture lies in no class folder', () => {
    expect(labelledKeys(['cat/1.jpg', '2.jpg'])).toEqual({ classes: [] });
    expect(labelledKeys(['train/1.jpg', 'test/2.jpg'])).toEqual({ classes: [], parts: Uint8Array.of(0, 2) });
  });

  it('know empty class folders', () => {
    expect(labelledKeys(['cat/1.jpg'], ['ant', 'cat', 'cat/small'])).toMatchObject({ classes: ['ant', 'cat'] });
    expect(labelledKeys(['train/cat/1.jpg'], ['train', 'train/cat', 'train/dog'])).toMatchObject({
      classes: ['cat', 'dog'],
    });
  });
});
