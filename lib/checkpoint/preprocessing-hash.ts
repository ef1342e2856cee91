import { createHash } from 'node:crypto';
import type { Preprocessing } from '../ports/model.ts';

/** 64 bits tell a handful of recipes apart; the hash protects nothing. */
const hexDigits = 16;

/**
 * Hash of palette, resolution and recipe, for messages that carry tokens. Checkpoints with the same hash can use each
 * other's tokens.
 *
 * @param scaledDecoding JPEGs are decoded at reduced size, which changes a few tokens (default false)
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
