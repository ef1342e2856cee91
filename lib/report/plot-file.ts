import { svgToPng } from '../decode/encode.ts';
import { checkOutputPath, writeOutputFile } from '../local/output-file.ts';
import { type FigurePage, figurePage } from './figure-page.ts';

const extensions = ['.svg', '.png', '.html'] as const;

/** A chart, and the text of its page. */
export interface Plot extends Omit<FigurePage, 'figure'> {
  svg: string;
}

/** Refuses, before any work, a path that a plot cannot be written to. */
export function checkPlotPath(flag: string, path: string | undefined, force: boolean): void {
  if (path !== undefined) checkOutputPath(flag, path, extensions, force);
}

/** Writes a chart in the format of the path's extension: SVG, PNG or an HTML page. */
export async function writePlot(path: string, { svg, ...page }: Plot, force: boolean): Promise<void> {
  const name = path.toLowerCase();
  const text = new TextEncoder();
  if (name.endsWith('.png')) await writeOutputFile(path, force, await svgToPng(svg));
  else if (name.endsWith('.svg')) await writeOutputFile(path, force, text.encode(svg));
  else await writeOutputFile(path, force, text.encode(await plotPage({ svg, ...page })));
}

/** A chart as an HTML page. */
export function plotPage({ svg, ...page }: Plot): Promise<string> {
  return figurePage({
    ...page,
    figure: { type: 'image/svg+xml', bytes: new TextEncoder().encode(svg), alt: page.title },
  });
}
