import { svgToPng } from '../../image/svg.ts';
import { checkOutputPath, writeOutputFile } from './output-file.ts';

const EXTENSIONS = ['.svg', '.png'] as const;

/** Refuses, before any work, names that a plot cannot be written to. */
export function checkPlotPath(flag: string, path: string | undefined, force: boolean): void {
  if (path !== undefined) checkOutputPath(flag, path, EXTENSIONS, force);
}

/** Writes a drawing as what its name says: SVG, or PNG. */
export async function writePlot(path: string, svg: string, force: boolean): Promise<void> {
  const png = path.toLowerCase().endsWith('.png');
  await writeOutputFile(path, force, png ? await svgToPng(svg) : new TextEncoder().encode(svg));
}
