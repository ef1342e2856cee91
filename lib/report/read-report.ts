import { createInterface } from 'node:readline';
import { z } from 'zod';
import { openRegularFile } from '../files/regular-file.ts';
import { reportMark, rowsBegin, rowsEnd } from './report-page.ts';
import type { PictureViews } from './report-row.ts';

const base64 = z.string().regex(/^[A-Za-z0-9+/]+=*$/);

const about = z.object({ model: z.string(), width: z.int(), height: z.int() });

const row = z.object({
  key: z.string(),
  etag: z.string(),
  look: z.object({ thumbnail: base64, tokens: base64, surprise: base64.nullable() }),
});

/** Whether the file is a report; false when there is no such file. */
export async function isReport(path: string): Promise<boolean> {
  try {
    await using file = await openRegularFile(path);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(reportMark.length), 0, reportMark.length, 0);
    return buffer.toString('latin1', 0, bytesRead) === reportMark;
  } catch {
    return false;
  }
}

/**
 * The views in an earlier report of this model, by {@link viewKey}, so that they are not made again. Empty when there
 * is no report or it belongs to another model. Damaged lines are skipped.
 */
export async function viewsOfReport(path: string, model: string): Promise<Map<string, PictureViews>> {
  const views = new Map<string, PictureViews>();
  if (!(await isReport(path))) return views;
  const start = '<script type="application/json" id="about">';
  let inside = false;
  let tokens = 0;
  await using file = await openRegularFile(path);
  for await (const line of createInterface({ input: file.createReadStream({ autoClose: false }) })) {
    if (line.startsWith(start)) {
      const of = about.safeParse(parsed(line.slice(start.length, line.indexOf('</script>'))));
      if (of.data?.model !== model) return views;
      tokens = of.data.width * of.data.height;
    } else if (line === rowsBegin) inside = true;
    else if (line === rowsEnd) return views;
    else if (inside) {
      const { data } = row.safeParse(parsed(line.replace(/,$/, '')));
      if (data !== undefined && hasTokens(data.look, tokens)) views.set(viewKey(data.key, data.etag), data.look);
    }
  }
  return views;
}

/** Views of a wrong size are damaged. They must not be copied into every later report. */
function hasTokens({ tokens, surprise }: PictureViews, n: number): boolean {
  return bytesIn(tokens) === 2 * n && (surprise === null || bytesIn(surprise) === n);
}

function bytesIn(text: string): number {
  return Buffer.from(text, 'base64').length;
}

/** Names one version of a picture. */
export function viewKey(key: string, etag: string): string {
  return `${etag}\n${key}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
