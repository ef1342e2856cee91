import { Option } from 'commander';
import { resolutions, type VariantOptions, variantConfig, variants } from '../../checkpoint/variants.ts';
import type { ImageGptConfig } from '../../image-gpt/config.ts';
import { integer } from '../options/number-option.ts';
import { UsageError } from '../usage-error.ts';

/** `--variant s`, in lower case as people type it. */
export function variantOption(): Option {
  return new Option('--variant <size>', "one of the paper's sizes").choices(variants.map((name) => name.toLowerCase()));
}

export function resolutionOption(): Option {
  return new Option('--resolution <pixels>', 'side of the pictures (default: 32, and 64 for xl)').choices(
    resolutions.map(String),
  );
}

export function headsOption(words: string): Option {
  return new Option('--heads <n>', words).argParser(integer({ min: 1 }));
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
