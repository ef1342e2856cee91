/** A picture in the report: its outcome and its views. */
export interface ReportRow {
  key: string;
  /** Version of the picture; null when unknown. */
  etag: string | null;
  /** File format; null when the picture could not be read. */
  format: string | null;
  /** Size of the whole picture (pixels). */
  width: number | null;
  height: number | null;
  /** The (up to) five most probable classes, best first; null without a classification. */
  classes: readonly { label: string; probability: number }[] | null;
  /** Nats per token, mean over n; null without a likelihood. */
  nats: number | null;
  /** Null when the picture succeeded. */
  error: { code: string; message: string } | null;
  /** The views; null when they are left out or cannot be made. The name is that of the page's JSON field. */
  look: PictureViews | null;
}

/** Thumbnail, token image and surprise map of a picture, as the page embeds them. */
export interface PictureViews {
  /** A small square WebP, base64. The page stretches it to the picture's proportions. */
  thumbnail: string;
  /** Tokens [n] in raster order, uint16 little-endian, base64. */
  tokens: string;
  /** Surprise of each token [n], one byte each (see {@link surpriseSteps}), base64. Null without a likelihood. */
  surprise: string | null;
}

/** Steps of the surprise map per nat. A byte then reaches 15.9 nats, a probability of 1 in 8 million. */
export const surpriseSteps = 16;

/** The model part of the page. */
export interface ReportAbout {
  /** Model id. */
  model: string;
  /** Model card: facts in order. */
  card: readonly (readonly [name: string, value: string])[];
  /** What a reader has to know before trusting the numbers. */
  warning?: string | undefined;
  /** Input resolution. */
  width: number;
  height: number;
  /** [V, 3], 8 bits. */
  palette: Uint8Array;
  made: Date;
}

/** Rows that the page lists; later ones are only counted. The page then has about 15 MB at 32x32, 40 MB at 64x64. */
export const mostRows = 2000;
