import { z } from 'zod';
import { featureNorm } from './choices.ts';
import { failure } from './failure.ts';
import { inputKey, modelId } from './keys.ts';

/** What is known of a picture file besides its content. */
export const pictureFacts = z.strictObject({
  /** File format: jpeg, png, webp, gif, tiff, avif, svg … */
  format: z.string().min(1),
  /** Pixels, after EXIF orientation. */
  width: z.int().positive(),
  height: z.int().positive(),
  /** Size of the file. */
  bytes: z.int().positive(),
});

const labelled = z.strictObject({
  label: z.string(),
  /** Row of the class head. */
  index: z.int().nonnegative(),
  probability: z.number().min(0).max(1),
});

/** The most probable class, and the (up to) five most probable ones, best first. */
const classification = z.strictObject({ ...labelled.shape, top5: z.array(labelled).min(1).max(5) });

export type Classification = z.infer<typeof classification>;

/** Pooled features of one layer. */
const features = z.strictObject({
  /** Layer l of h^l, 0 (embeddings and positions) to n_layer. */
  layer: z.int().nonnegative(),
  /** `raw`: h^l itself; `next`: after the norm that follows it. */
  norm: featureNorm,
  /** [d], float32; nine significant digits, which give every float32 back exactly. */
  values: z.array(z.number()).min(1),
});

/** How surprising the picture is to the model. */
const likelihood = z.strictObject({
  nats_per_token: z.number().nonnegative(),
  /** A token is a pixel, so this is nats_per_token / ln 2. Not comparable with RGB bits: the palette is lossy. */
  bits_per_pixel: z.number().nonnegative(),
});

const about = {
  schema_version: z.literal(1),
  key: inputKey,
  /** ETag of the picture that this is the outcome of. */
  etag: z.string().min(1),
  model: modelId,
  created_at: z.iso.datetime(),
};

const succeededOutcome = z.strictObject({
  ...about,
  status: z.literal('succeeded'),
  image: pictureFacts,
  /** Null where the model has no class head, or it was not asked for. */
  classification: classification.nullable(),
  /** Null where it was not asked for. */
  features: features.nullable(),
  /** Null for BERT models, or where it was not asked for. */
  likelihood: likelihood.nullable(),
  /** Execution provider of onnxruntime: cpu, cuda … */
  provider: z.string(),
  precision: z.string(),
  /** Version. */
  onnxruntime: z.string(),
});

const failedOutcome = z.strictObject({ ...about, status: z.literal('failed'), error: failure });

/** A result file: the one outcome of a picture under a model. */
export const outcome = z.discriminatedUnion('status', [succeededOutcome, failedOutcome]);

export type SucceededOutcome = z.infer<typeof succeededOutcome>;
export type FailedOutcome = z.infer<typeof failedOutcome>;
export type Outcome = z.infer<typeof outcome>;

/** The outcome of a result file; undefined when it is not one (damaged, or written by another version of ours). */
export function parseOutcome(body: Uint8Array): Outcome | undefined {
  try {
    return outcome.safeParse(JSON.parse(new TextDecoder().decode(body))).data;
  } catch {
    return undefined;
  }
}
