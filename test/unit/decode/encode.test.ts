import sharp from 'sharp';
import { expect, it } from 'vitest';
import { svgToPng, writePng } from '../../../lib/decode/encode.ts';
import { lineChart } from '../../../lib/plot/line-chart.ts';

it('writes a PNG that decodes to the same pixels', async () => {
  const rgb = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9);
  const png = await writePng(rgb, 2, 3);
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width: 2, height: 3, channels: 3 });
  expect([...data]).toEqual([...rgb]);
});

it('renders an SVG as a PNG of twice its size', async () => {
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
