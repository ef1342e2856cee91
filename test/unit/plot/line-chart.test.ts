import { describe, expect, it } from 'vitest';
import { lineChart, ticks } from '../../../lib/plot/line-chart.ts';
import { textWidth } from '../../../lib/plot/svg.ts';

describe('a line chart', () => {
  const chart = { title: 'Probe', xLabel: 'layer', yLabel: 'accuracy, %', series: [] };
  it('draws each series in its own colour', () => {
    const svg = lineChart({
      ...chart,
      series: [
        {
          name: 'a',
          points: [
            [0, 0],
            [1, 10],
            [2, 5],
          ],
        },
        {
          name: 'b',
          points: [
            [0, 5],
            [2, 5],
          ],
        },
      ],
    });

    expect(svg.match(/<polyline/g)).toHaveLength(2);
    expect(svg.match(/<circle/g)).toHaveLength(5);
    // The axes end at 0 and 2, and at 0 and 10, so these points are corners of the frame.
    expect(svg).toContain('points="64,368 382,44 700,206"');
    expect(new Set(svg.match(/stroke="#0072b2"|stroke="#d55e00"/g)).size).toBe(2);
  });

  it('has a legend for several lines', () => {
    const one = lineChart({ ...chart, series: [{ name: 'loss', points: [[0, 1]] }] });
    const two = lineChart({
      ...chart,
      series: [
        { name: 'loss', points: [] },
        { name: 'other', points: [] },
      ],
    });

    expect(one).not.toContain('>loss<');
    expect(two).toContain('>loss<');
  });

  it('leaves out points that are not finite, and dots if there are many points', () => {
    const points = Array.from({ length: 200 }, (_, x) => [x, x === 7 ? Number.NaN : x] as const);
    const svg = lineChart({ ...chart, series: [{ name: 'loss', points }] });

    expect(svg).not.toContain('NaN');
    expect(svg).not.toContain('<circle');
  });

  it('is drawn even without points', () => {
    expect(lineChart(chart)).toMatch(/^<svg .*<\/svg>\n$/s);
  });

  it('escapes markup in names', () => {
    const svg = lineChart({ ...chart, title: '<script>&\u0007' });

    expect(svg).toContain('&lt;script&gt;&amp;\ufffd');
    expect(svg).not.toContain('<script');
  });

  it('leaves room for long numbers, and shortens a title that is too long', () => {
    const points = [
      [0, 0.00001],
      [1_000_000, 0.00009],
    ] as const;
    const svg = lineChart({ ...chart, title: 'long '.repeat(40), series: [{ name: 'loss', points }] });

    // 7 characters of 7.54 pixels to the left of 88.8, beside the axis label, and half of them to the right of 689.6.
    expect(svg).toMatch(/x="80\.8" [^>]*>0\.00008</);
    expect(svg).toMatch(/x="689\.6" [^>]*>1000000</);
    expect(svg).toMatch(/bold">(long )+lo…</);
  });

  it('counts East Asian characters as wide, and replaces characters that XML forbids', () => {
    expect(textWidth('日本')).toBe(26);
    expect(textWidth('ab')).toBeCloseTo(15.08);
    expect(lineChart({ ...chart, title: 'a\uffff' })).toContain('>a\ufffd<');
  });
});

describe('ticks', () => {
  it.each([
    [0, 6, 8, [0, 1, 2, 3, 4, 5, 6]],
    [30.2, 44.2, 6, [30, 35, 40, 45]],
    [0.11, 0.42, 4, [0.1, 0.2, 0.3, 0.4, 0.5]],
    [-3, 2, 5, [-3, -2, -1, 0, 1, 2]],
    [0, 12_000, 4, [0, 5000, 10_000, 15_000]],
  ])('from %d to %d, about %d of them, are round numbers', (low, high, count, expected) => {
    expect(ticks(low, high, count)).toEqual(expected);
  });

  it('exist for a single value too', () => {
    expect(ticks(5, 5, 4).length).toBeGreaterThan(0);
    expect(ticks(0, 0, 4).length).toBeGreaterThan(0);
  });
});
