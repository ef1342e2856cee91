import { createHash } from 'node:crypto';
import type { Preprocessing } from '../ports/model.ts';

/** 64 bits: this tells a handful of recipes apart, it guards nothing. */
const hexDigits = 16;

/**
 * Names how pictures become tokens, for messages that carry tokens: a hash of palette, resolution and recipe. Two
 * checkpoints with the same hash can read each other's tokens.
 *
 * `scaledDecoding`: whether JPEGs are decoded at reduced size, which changes a few tokens. Default false.
 */
export function preprocessingHash(preprocessing: Preprocessing, scaledDecoding = false): string {
  const { height, width, resample, crop, palette } = preprocessing;
  const recipe = JSON.stringify(['image-gpt-preprocessing-1', height, width, resample, crop, scaledDecoding]);
  const colours = Buffer.alloc(palette.length * 4);
  palette.forEach((value, i) => {
    colours.writeFloatLE(value, i * 4);
  });
  return createHash('sha256').update(recipe).update(colours).digest('hex').slice(0, hexDigits);
}
