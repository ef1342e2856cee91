import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { REPORT_MARK, ROWS_BEGIN, ROWS_END } from './report-page.ts';
import type { PictureViews } from './report-row.ts';

const base64 = z.string().regex(/^[A-Za-z0-9+/]+=*$/);

const about = z.object({ model: z.string(), width: z.int(), height: z.int() });

const row = z.object({
  key: z.string(),
  etag: z.string(),
  look: z.object({ thumbnail: base64, tokens: base64, surprise: base64.nullable() }),
});

/** True when the file begins as a report does; false when it is another file, or none. */
export async function isReport(path: string): Promise<boolean> {
  try {
    await using file = await open(path);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(REPORT_MARK.length), 0, REPORT_MARK.length, 0);
    return buffer.toString('latin1', 0, bytesRead) === REPORT_MARK;
  } catch {
    return false;
  }
}

/**
 * What an earlier report of this model has to look at, by {@link viewKey}: it need not be made again. Empty where there
 * is no report, or one of another model; lines that are damaged are passed over.
 */
export async function viewsOfReport(path: string, model: string): Promise<Map<string, PictureViews>> {
  const looks = new Map<string, PictureViews>();
  if (!(await isReport(path))) return looks;
  const start = '<script type="application/json" id="about">';
  let inside = false;
  let tokens = 0;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (line.startsWith(start)) {
      const of = about.safeParse(parsed(line.slice(start.length, line.indexOf('</script>'))));
      if (of.data?.model !== model) return looks;
      tokens = of.data.width * of.data.height;
    } else if (line === ROWS_BEGIN) inside = true;
    else if (line === ROWS_END) return looks;
    else if (inside) {
      const { data } = row.safeParse(parsed(line.replace(/,$/, '')));
      if (data !== undefined && isOf(data.look, tokens)) looks.set(viewKey(data.key, data.etag), data.look);
    }
  }
  return looks;
}

/** What has another size would be damaged in every report to come. */
function isOf({ tokens, surprise }: PictureViews, n: number): boolean {
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
