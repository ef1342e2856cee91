import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { svg } from '../../../lib/plot/svg.ts';
import { checkPlotPath, writePlot } from '../../../lib/report/plot-file.ts';

describe('a plot', () => {
  const plot = { kind: 'Plot', title: 'Loss', svg: svg(20, 10, 'Loss', []) };
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'igpt-plot-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const written = async (name: string): Promise<Buffer> => {
    await writePlot(join(folder, name), plot, false);
    return readFileSync(join(folder, name));
  };

  test('has the format of its extension', async () => {
    expect((await written('a.svg')).toString()).toBe(plot.svg);
    const png = await written('a.PNG');
    expect(png.toString('latin1', 1, 4)).toBe('PNG');
    expect(png.readUInt32BE(16) / png.readUInt32BE(20)).toBe(2);
    const html = (await written('a.html')).toString();
    expect(html).toContain(`data:image/svg+xml;base64,${Buffer.from(plot.svg).toString('base64')}`);
  });

  test('with another extension is refused before any work', () => {
    expect(() => checkPlotPath('--plot', join(folder, 'a.pdf'), false)).toThrow(
      'expected a name that ends in .svg or .png or .html',
    );
  });
});
