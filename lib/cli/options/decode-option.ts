import { type Command, Option } from 'commander';
import { type Decoder, type DecodingSettings, openDecoder } from '../../decode/decoder-pool.ts';
import type { Recipe } from '../../image-gpt/recipe.ts';
import { countOption, number } from './number-option.ts';

/** What decodes, as the user sets it; of no account for results. */
export interface DecoderOptions {
  /** Seconds. */
  decodeTimeout: number;
  /** Child processes. */
  decoders: number;
}

/** What a stranger's picture may cost, as the user sets it. */
export interface DecodingLimits {
  allowSvg: boolean;
  /** Millions of pixels. */
  maxMegapixels: number;
  /** Millions of bytes. */
  maxMegabytes: number;
}

export interface DecodeOptions extends DecoderOptions, DecodingLimits {
  scaledDecoding: boolean;
}

/** A day. Timers count milliseconds in 31 bits, 24 days: a longer one would ring at once. */
const LONGEST_TIMEOUT_S = 86_400;

/** A square of a million pixels a side: more than any decoder's formats hold. */
const MOST_MEGAPIXELS = 1_000_000;

/** Node reads files of up to 2 GiB at once. */
const MOST_MEGABYTES = 2000;

function upTo(max: number): (text: string) => number {
  return number({ min: 0, max, aboveMin: true });
}

/** Adds how pictures are decoded, all with their defaults, to `command`. */
export function addDecodeOptions(command: Command): Command {
  command.option(
    '--scaled-decoding',
    'decode large JPEGs at a fraction of their size: faster, but about 4 in 100 tokens change to a neighbouring colour',
    false,
  );
  return addDecoderOptions(addDecodingLimits(command));
}

/** Adds the limits beyond which a picture fails. */
export function addDecodingLimits(command: Command): Command {
  return command
    .option('--allow-svg', 'decode SVG too, which lets a small file burn much CPU', false)
    .addOption(
      new Option('--max-megapixels <m>', 'refuse larger pictures, in millions of pixels')
        .default(100)
        .argParser(upTo(MOST_MEGAPIXELS)),
    )
    .addOption(
      new Option('--max-megabytes <m>', 'refuse larger files, in millions of bytes')
        .default(50)
        .argParser(upTo(MOST_MEGABYTES)),
    );
}

/** Adds what of the decoder changes no result. */
export function addDecoderOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--decode-timeout <s>', 'give up on a picture after this long, in seconds')
        .default(10)
        .argParser(upTo(LONGEST_TIMEOUT_S)),
    )
    .addOption(countOption('--decoders <n>', 'child processes that decode pictures'));
}

/** The limits as the decoder takes them. */
export function decodingSettings(options: DecodeOptions): DecodingSettings {
  return {
    size: options.decoders,
    maxBytes: maxPictureBytes(options),
    maxPixels: Math.floor(options.maxMegapixels * 1e6),
    timeoutMs: options.decodeTimeout * 1000,
    allowSvg: options.allowSvg,
    scaledDecoding: options.scaledDecoding,
  };
}

/** Size of the largest file that is read (bytes). */
export function maxPictureBytes({ maxMegabytes }: DecodeOptions): number {
  return Math.floor(maxMegabytes * 1e6);
}

/** Pictures read and decoded at once: one more for each child, so that no child waits for a file. */
export function decodingConcurrency({ decoders }: DecodeOptions): number {
  return 2 * decoders;
}

/** Opens a decoder within the user's limits; the caller closes it. */
export function openPictureDecoder(recipe: Recipe, options: DecodeOptions): Decoder {
  return openDecoder(recipe, decodingSettings(options));
}
