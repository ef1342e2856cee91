import { Option } from 'commander';
import { type FloatDtype, floatDtypes } from '../../checkpoint/float-dtype.ts';

/** `--dtype bf16`. */
export function dtypeOption(words: string): Option {
  return new Option('--dtype <dtype>', words).choices(floatDtypes.map((dtype) => dtype.toLowerCase()));
}

/** What `--dtype` chose, in safetensors' words. */
export function chosenDtype(text: string | undefined): FloatDtype | undefined {
  return floatDtypes.find((dtype) => dtype.toLowerCase() === text);
}
