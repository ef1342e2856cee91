import type { ImageGptConfig } from '../image-gpt/config.ts';
import { UsageError } from '../ports/error.ts';
import type { Objective } from '../ports/model.ts';

/** The paper's sizes (table 1, section 3.3). */
export type Variant = 'S' | 'M' | 'L' | 'XL';

export const variants: readonly Variant[] = ['S', 'M', 'L', 'XL'];

/** Input resolutions of the paper (pixels). */
export const resolutions = [32, 48, 64] as const;

interface Size {
  n_layer: number;
  n_embd: number;
  n_head: number;
}

/** The number of XL's heads is unpublished. 24 gives heads of width 128, as in M. */
const sizes: Readonly<Record<Variant, Size>> = {
  S: { n_layer: 24, n_embd: 512, n_head: 8 },
  M: { n_layer: 36, n_embd: 1024, n_head: 8 },
  L: { n_layer: 48, n_embd: 1536, n_head: 16 },
  XL: { n_layer: 60, n_embd: 3072, n_head: 24 },
};

/** Number of colours in OpenAI's palette. */
const paletteColors = 512;

/** The resolution that each size was first trained at. */
function usualResolution(variant: Variant): number {
  return variant === 'XL' ? 64 : 32;
}

export interface VariantOptions {
  /** Side of the input (pixels; default that of the variant). */
  resolution?: number | undefined;
  /** Number of heads (default that of the variant). */
  heads?: number | undefined;
  /** Default `ar`. */
  objective?: Objective | undefined;
}

/** Configuration of a published size. Does not check that the heads divide the width. */
export function variantConfig(variant: Variant, options: VariantOptions = {}): ImageGptConfig {
  const { n_layer, n_embd, n_head } = sizes[variant];
  const { resolution = usualResolution(variant), heads = n_head, objective = 'ar' } = options;
  return {
    n_colors: paletteColors,
    activation_function: 'quick_gelu',
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

/** The published size with this shape. XL matches any number of heads. */
export function variantOf({ n_embd, n_layer, n_head }: Size): Variant | undefined {
  return variants.find((variant) => {
    const size = sizes[variant];
    return size.n_embd === n_embd && size.n_layer === n_layer && (variant === 'XL' || size.n_head === n_head);
  });
}

/** Heads of the published size with this width and depth; undefined for other shapes and for XL. */
export function variantHeads(n_embd: number, n_layer: number): number | undefined {
  const variant = variants.find((name) => sizes[name].n_embd === n_embd && sizes[name].n_layer === n_layer);
  return variant === undefined || variant === 'XL' ? undefined : sizes[variant].n_head;
}

export interface VariantChoice {
  /** One of {@link variants}, in upper or lower case. */
  variant: string;
  /** Pixels, as typed. */
  resolution?: string | undefined;
  heads?: number | undefined;
  objective?: Objective | undefined;
}

/**
 * Name and configuration of the size that command-line options describe.
 *
 * @throws UsageError if the heads do not divide the width
 */
export function chosenVariant(choice: VariantChoice): { name: string; config: ImageGptConfig } {
  const { resolution, heads, objective } = choice;
  // The option --variant accepts only known names.
  const variant = variants.find((name) => name === choice.variant.toUpperCase()) ?? 'S';
  const config = variantConfig(variant, {
    resolution: resolution === undefined ? undefined : Number(resolution),
    heads,
    objective,
  });
  if (config.n_embd % config.n_head !== 0) {
    throw new UsageError(`--heads ${heads}: expected a divisor of the width, ${config.n_embd}`);
  }
  const side = Math.sqrt(config.n_positions);
  return { name: `igpt-${variant.toLowerCase()}-${side}x${side}`, config };
}
