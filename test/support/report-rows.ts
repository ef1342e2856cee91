import type { ReportAbout, ReportRow } from '../../lib/report/report-row.ts';

const labels = ['cat', 'dog', 'ship', 'truck'];

/** A WebP of 1x1 pixel, in base64. */
const webpPixel = 'UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAUAmJaQAA3AA/v02aAA=';

export const reportAbout: ReportAbout = {
  model: 'tiny-0123456789ab',
  card: [['parameters', '1,353,472']],
  width: 4,
  height: 4,
  palette: Uint8Array.from({ length: 16 * 3 }, (_, i) => (i * 37) % 256),
  made: new Date('2026-11-24T20:00:00Z'),
};

/** A row whose numbers follow from its index: every seventh one failed. */
export function reportRowAt(i: number, change: Partial<ReportRow> = {}): ReportRow {
  const about = { key: `folder/picture ${i}.jpg`, etag: `"${i}"` };
  if (i % 7 === 6) {
    const error = { code: 'corrupt_image', message: 'The JPEG picture is cut off: its data ends too early.' };
    return {
      ...about,
      format: null,
      width: null,
      height: null,
      classes: null,
      nats: null,
      error,
      look: null,
      ...change,
    };
  }
  const best = 0.4 + ((i * 37) % 100) / 200;
  const classes = [
    { label: labels[i % 4] ?? '', probability: best },
    { label: labels[(i + 1) % 4] ?? '', probability: 1 - best },
  ];
  const tokens = Buffer.from(Uint16Array.from({ length: 16 }, (_, at) => (at + i) % 16).buffer).toString('base64');
  const surprise = Buffer.from(Uint8Array.from({ length: 16 }, (_, at) => (at * 3 + i) % 50)).toString('base64');
  return {
    ...about,
    format: 'jpeg',
    width: i % 2 === 0 ? 640 : 300,
    height: i % 2 === 0 ? 427 : 500,
    classes,
    nats: 1 + ((i * 61) % 300) / 100,
    error: null,
    look: { thumbnail: webpPixel, tokens, surprise },
    ...change,
  };
}

export async function* reportRowsOf(rows: readonly ReportRow[]): AsyncGenerator<ReportRow> {
  yield* rows;
}
