import { type Command, Option } from 'commander';
import type { DecodingSettings } from '../../decode/decoder-pool.ts';
import { countOption, number } from './number-option.ts';

/** Settings of the decoder that change no result. */
export interface DecoderOptions {
  /** Most time for one picture (seconds). */
  decodeTimeout: number;
  /** Child processes. */
  decoders: number;
}

/** Limits on untrusted pictures. */
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

/** A day (seconds). Timers hold milliseconds in 31 bits, up to 24 days: a longer timer would fire at once. */
const longestTimeoutS = 86_400;

/** A square with a million pixels on each side: more than any accepted format can hold. */
const mostMegapixels = 1_000_000;

/** Node reads at most 2 GiB at once. */
const mostMegabytes = 2000;

function upTo(max: number): (text: string) => number {
  return number({ min: 0, max, aboveMin: true });
}

/** Adds the options of {@link DecodeOptions}. */
export function addDecodeOptions(command: Command): Command {
  command.option(
    '--scaled-decoding',
    'decode large JPEGs at a fraction of their size: faster, but about 4 in 100 tokens change to a similar colour',
    false,
  );
  return addDecoderOptions(addDecodingLimits(command));
}

/** Adds the limits above which a picture fails. */
export function addDecodingLimits(command: Command): Command {
  return command
    .option('--allow-svg', 'decode SVG too; a small SVG file can take much CPU time', false)
    .addOption(
      new Option('--max-megapixels <m>', 'refuse larger pictures (millions of pixels)')
        .default(100)
        .argParser(upTo(mostMegapixels)),
    )
    .addOption(
      new Option('--max-megabytes <m>', 'refuse larger files (millions of bytes)')
        .default(50)
        .argParser(upTo(mostMegabytes)),
    );
}

/** Adds the settings of the decoder that change no result. */
export function addDecoderOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--decode-timeout <s>', 'most time to decode one picture (seconds)')
        .default(10)
        .argParser(upTo(longestTimeoutS)),
    )
    .addOption(countOption('--decoders <n>', 'child processes that decode pictures'));
}

/** The limits as the decoder takes them. */
export function decodingSettings(options: DecodeOptions): DecodingSettings {
  return {
    size: options.decoders,
    maxBytes: Math.floor(options.maxMegabytes * 1e6),
    maxPixels: Math.floor(options.maxMegapixels * 1e6),
    timeoutMs: options.decodeTimeout * 1000,
    allowSvg: options.allowSvg,
    scaledDecoding: options.scaledDecoding,
  };
}
