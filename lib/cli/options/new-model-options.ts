import { Option } from 'commander';
import { type FloatDtype, floatDtypes } from '../../checkpoint/float-dtype.ts';
import { resolutions, variants } from '../../checkpoint/variants.ts';
import { integer } from './number-option.ts';

/** Such as `--dtype bf16`. */
export function dtypeOption(words: string): Option {
  return new Option('--dtype <dtype>', words).choices(floatDtypes.map((dtype) => dtype.toLowerCase()));
}

/** The value of `--dtype` in safetensors' spelling. */
export function chosenDtype(text: string | undefined): FloatDtype | undefined {
  return floatDtypes.find((dtype) => dtype.toLowerCase() === text);
}

/** Such as `--variant s`; lower case, as people type it. */
export function variantOption(): Option {
  return new Option('--variant <size>', "one of the paper's sizes").choices(variants.map((name) => name.toLowerCase()));
}

export function resolutionOption(): Option {
  return new Option('--resolution <pixels>', 'side of the pictures (pixels; default 32, and 64 for xl)').choices(
    resolutions.map(String),
  );
}

export function headsOption(words: string): Option {
  return new Option('--heads <n>', words).argParser(integer({ min: 1 }));
}
