import { z } from 'zod';
import { failure, featureNorm } from './field-types.ts';
import { inputKey, modelId } from './keys.ts';

/** Facts about a picture file. */
export const pictureFacts = z.strictObject({
  /** File format: jpeg, png, webp, gif, tiff, avif, svg … */
  format: z.string().min(1),
  /** Size after EXIF orientation (pixels). */
  width: z.int().positive(),
  height: z.int().positive(),
  /** Size of the file (bytes). */
  bytes: z.int().positive(),
});

const labelled = z.strictObject({
  label: z.string(),
  /** Row of the class head. */
  index: z.int().nonnegative(),
  /** Those of all classes add up to 1, unless each label is a yes or no of its own (`sigmoid`). */
  probability: z.number().min(0).max(1),
});

/** The most probable class, and up to five most probable classes, best first. */
const classification = z.strictObject({ ...labelled.shape, top5: z.array(labelled).min(1).max(5) });

export type Classification = z.infer<typeof classification>;

/** Pooled features of a layer. */
const features = z.strictObject({
  /** Layer l of h^l: 0 (embeddings and positions) to n_layer. */
  layer: z.int().nonnegative(),
  /** `raw`: h^l itself. `next`: after the norm that follows it. */
  norm: featureNorm,
  /** [d] in nine significant digits, which represent every float32 exactly. */
  values: z.array(z.number()).min(1),
});

/** How surprising the picture is to the model. */
const likelihood = z.strictObject({
  nats_per_token: z.number().nonnegative(),
  /** nats_per_token / ln 2, as a token is a pixel. Not comparable with RGB bits, because the palette is lossy. */
  bits_per_pixel: z.number().nonnegative(),
});

const about = {
  schema_version: z.literal(1),
  key: inputKey,
  /** ETag of the picture. */
  etag: z.string().min(1),
  model: modelId,
  created_at: z.iso.datetime(),
};

const succeededOutcome = z.strictObject({
  ...about,
  status: z.literal('succeeded'),
  image: pictureFacts,
  /** Null if the model has no class head, or if it was not requested. */
  classification: classification.nullable(),
  /** Null if not requested. */
  features: features.nullable(),
  /** Null for BERT models, or if not requested. */
  likelihood: likelihood.nullable(),
  /** Execution provider of onnxruntime: cpu, cuda … */
  provider: z.string(),
  precision: z.string(),
  /** Version of onnxruntime. */
  onnxruntime: z.string(),
});

const failedOutcome = z.strictObject({ ...about, status: z.literal('failed'), error: failure });

/** A result file: the outcome of a picture under a model. */
export const outcome = z.discriminatedUnion('status', [succeededOutcome, failedOutcome]);

export type SucceededOutcome = z.infer<typeof succeededOutcome>;
export type FailedOutcome = z.infer<typeof failedOutcome>;
export type Outcome = z.infer<typeof outcome>;

/** Parses a result file. Undefined if it is damaged, or was written by another version of this project. */
export function parseOutcome(body: Uint8Array): Outcome | undefined {
  try {
    return outcome.safeParse(JSON.parse(new TextDecoder().decode(body))).data;
  } catch {
    return undefined;
  }
}
