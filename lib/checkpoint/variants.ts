import type { ImageGptConfig } from '../image-gpt/config.ts';
import { UsageError } from '../ports/error.ts';
import type { Objective } from '../ports/model.ts';

/** The paper's sizes (table 1, section 3.3). */
export type Variant = 'S' | 'M' | 'L' | 'XL';

export const variants: readonly Variant[] = ['S', 'M', 'L', 'XL'];

/** Input resolutions of the paper, pixels. */
export const resolutions = [32, 48, 64] as const;

interface Size {
  n_layer: number;
  n_embd: number;
  n_head: number;
}

/** OpenAI never published the number of XL's heads: 24 gives heads of 128, as M has. */
const sizes: Readonly<Record<Variant, Size>> = {
  S: { n_layer: 24, n_embd: 512, n_head: 8 },
  M: { n_layer: 36, n_embd: 1024, n_head: 8 },
  L: { n_layer: 48, n_embd: 1536, n_head: 16 },
  XL: { n_layer: 60, n_embd: 3072, n_head: 24 },
};

/** Colours of OpenAI's palette. */
const paletteColors = 512;

/** The resolution that each was first trained at, XL at 64 x 64. */
function usualResolution(variant: Variant): number {
  return variant === 'XL' ? 64 : 32;
}

export interface VariantOptions {
  /** Pixels, default the variant's own. */
  resolution?: number;
  /** Default the variant's. */
  heads?: number;
  /** Default `ar`. */
  objective?: Objective;
}

/** Shape of a published size. Whether heads divide the width is for the reader of the configuration to say. */
export function variantConfig(variant: Variant, options: VariantOptions = {}): ImageGptConfig {
  const { n_layer, n_embd, n_head } = sizes[variant];
  const { resolution = usualResolution(variant), heads = n_head, objective = 'ar' } = options;
  return {
    n_colors: paletteColors,
    n_positions: resolution ** 2,
    n_embd,
    n_layer,
    n_head: heads,
    n_inner: 4 * n_embd,
    layer_norm_epsilon: 1e-5,
    objective,
    feature_layer: n_layer / 2,
    feature_norm: 'next',
  };
}

/** The published size with this shape; any number of heads is XL's. */
export function variantOf({ n_embd, n_layer, n_head }: Size): Variant | undefined {
  return variants.find((variant) => {
    const size = sizes[variant];
    return size.n_embd === n_embd && size.n_layer === n_layer && (variant === 'XL' || size.n_head === n_head);
  });
}

/** Heads of the published size with this width and depth; undefined for others, and for XL, whose heads are unpublished. */
export function variantHeads(n_embd: number, n_layer: number): number | undefined {
  const variant = variants.find((name) => sizes[name].n_embd === n_embd && sizes[name].n_layer === n_layer);
  return variant === undefined || variant === 'XL' ? undefined : sizes[variant].n_head;
}

export interface VariantChoice {
  variant: string;
  resolution?: string;
  heads?: number;
  objective?: VariantOptions['objective'];
}

/** The shape that the options name. */
export function chosenVariant(choice: VariantChoice): { name: string; config: ImageGptConfig } {
  const { resolution, heads, objective } = choice;
  // --variant takes no other.
  const variant = variants.find((name) => name === choice.variant.toUpperCase()) ?? 'S';
  const config = variantConfig(variant, {
    ...(resolution !== undefined && { resolution: Number(resolution) }),
    ...(heads !== undefined && { heads }),
    ...(objective !== undefined && { objective }),
  });
  if (config.n_embd % config.n_head !== 0) {
    throw new UsageError(`--heads ${heads}: expected a divisor of the width, ${config.n_embd}`);
  }
  const side = Math.sqrt(config.n_positions);
  return { name: `igpt-${variant.toLowerCase()}-${side}x${side}`, config };
}
