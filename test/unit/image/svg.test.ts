import sharp from 'sharp';
import { expect, it } from 'vitest';
import { svgToPng } from '../../../lib/image/svg.ts';
import { lineChart } from '../../../lib/plot/line-chart.ts';

it('draws an SVG as a PNG of twice its size', async () => {
  const svg = lineChart({
    title: 't',
    xLabel: 'x',
    yLabel: 'y',
    series: [
      {
        name: 'a',
        points: [
          [0, 0],
          [1, 1],
        ],
      },
    ],
  });
  const png = await svgToPng(svg);
  const { format, width, height } = await sharp(png).metadata();

  expect({ format, width, height }).toEqual({ format: 'png', width: 1440, height: 840 });
  const { dominant } = await sharp(png).stats();
  expect(dominant.r).toBeGreaterThan(240);
});
