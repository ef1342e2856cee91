/** A picture in the report: its outcome, and what there is to look at. */
export interface ReportRow {
  key: string;
  /** Which version of the picture this is; null where nobody knows. */
  etag: string | null;
  /** File format; null where the picture could not be read. */
  format: string | null;
  /** Size of the whole picture, pixels. */
  width: number | null;
  height: number | null;
  /** The (up to) five most probable classes, best first; null without a classification. */
  classes: readonly { label: string; probability: number }[] | null;
  /** Nats per token, mean over n; null without a likelihood. */
  nats: number | null;
  /** Null: the model has seen it. */
  error: { code: string; message: string } | null;
  /** Null: left out, or not to be had. */
  look: PictureViews | null;
}

/** What there is to look at, as the page embeds it. */
export interface PictureViews {
  /** A small WebP, base64; squeezed to a square, for the page knows the true proportions. */
  thumbnail: string;
  /** Tokens [n] in raster order, uint16 little-endian, base64. */
  tokens: string;
  /** Surprise at each token [n], a byte each: see {@link SURPRISE_STEPS}; base64. Null without a likelihood. */
  surprise: string | null;
}

/** Steps of the surprise map in a nat: a byte then reaches 15.9 nats, which is 1 in 8 million. */
export const SURPRISE_STEPS = 16;

/** What the page says of the model that saw the pictures. */
export interface ReportAbout {
  /** Model id. */
  model: string;
  /** Model card: facts in order. */
  card: readonly (readonly [name: string, value: string])[];
  /** What a reader has to know before trusting the numbers. */
  warning?: string;
  /** Input resolution. */
  width: number;
  height: number;
  /** [V, 3], 8 bits. */
  palette: Uint8Array;
  made: Date;
}

/** Rows that the page lists; later ones are only counted. About 15 MB of page at 32x32, 40 MB at 64x64. */
export const MOST_ROWS = 2000;
