import { describe, expect, it } from 'vitest';
import { confusionMatrix } from '../../../lib/plot/confusion-matrix.ts';

describe('a confusion matrix', () => {
  it('has a cell for each pair that occurs; a larger share of the row is darker', () => {
    const svg = confusionMatrix({ title: 'x', classes: ['cat', 'dog'], counts: [4, 0, 5, 5] });

    expect(svg.match(/<rect [^>]*fill="#(?!ffffff)[^>]*>/g)).toHaveLength(3);
    // A cell with its whole row has the full blue.
    expect(svg.match(/fill="#0072b2"/g)).toHaveLength(1);
    expect(svg).toContain('>4</text>');
    expect(svg).toContain('>cat</text>');
  });

  it('has a limited size with a thousand classes', () => {
    const classes = Array.from({ length: 1000 }, (_, i) => `class ${i}`);
    const svg = confusionMatrix({ title: 'x', classes, counts: new Uint32Array(1_000_000) });
    const [, width] = /width="(\d+)"/.exec(svg) ?? [];

    expect(Number(width)).toBeLessThan(1400);
    expect(svg).not.toContain('class 7');
  });
});
