import { Option } from 'commander';
import { type FloatDtype, floatDtypes } from '../../checkpoint/float-dtype.ts';
import { resolutions, variants } from '../../checkpoint/variants.ts';
import { integer } from './number-option.ts';

/** The option `--dtype`, for instance `--dtype bf16`. */
export function dtypeOption(description: string): Option {
  return new Option('--dtype <dtype>', description).choices(floatDtypes.map((dtype) => dtype.toLowerCase()));
}

/** The value of `--dtype` in safetensors' spelling. */
export function chosenDtype(text: string | undefined): FloatDtype | undefined {
  return floatDtypes.find((dtype) => dtype.toLowerCase() === text);
}

/** The option `--variant`, for instance `--variant s`. Lower case, as people type it. */
export function variantOption(): Option {
  return new Option('--variant <size>', "one of the paper's sizes").choices(variants.map((name) => name.toLowerCase()));
}

export function resolutionOption(): Option {
  return new Option('--resolution <pixels>', 'side of the pictures (pixels; default 32, and 64 for xl)').choices(
    resolutions.map(String),
  );
}

export function headsOption(description: string): Option {
  return new Option('--heads <n>', description).argParser(integer({ min: 1 }));
}
