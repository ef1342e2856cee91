import { availableParallelism } from 'node:os';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { keptTokens } from '../image-gpt/kept-tokens.ts';
import { UsageError } from '../ports/error.ts';
import { complete } from '../runtime/complete.ts';
import { checkTokens } from '../runtime/model.ts';
import { inPrecision } from '../runtime/precision.ts';
import { checkCompletion } from './check-options.ts';
import type { CompletionOptions, ImageGptOptions } from './options.ts';

/** @returns `count` arrays [n] */
export async function completeTokens(
  checkpoint: Checkpoint,
  tokens: Uint16Array,
  { precision = 'f32', threads = availableParallelism() }: ImageGptOptions,
  options: CompletionOptions,
): Promise<Uint16Array[]> {
  const { config, name } = checkpoint;
  const { n_positions: n, n_colors: colors } = config;
  checkCompletion(options, n, colors);
  const { keep = 0.5, count = 8, signal, onProgress, ...sampling } = options;
  signal?.throwIfAborted();
  if (config.objective === 'bert') {
    throw new UsageError(
      `expected an autoregressive model, received ${name}: a BERT model fills in masked tokens and cannot continue a picture`,
    );
  }
  if (precision === 'int8') {
    throw new UsageError('expected a model in f32, int8-block or f16 for completions; open it again in one of these');
  }
  checkTokens(tokens, n, colors);
  const precise = await inPrecision(checkpoint, precision);
  // [1, count, n]
  const completed = await complete(precise.checkpoint, tokens, {
    ...sampling,
    keep: keptTokens(keep, n) ?? n,
    samples: count,
    threads,
    onProgress(sampled, total) {
      signal?.throwIfAborted();
      onProgress?.(sampled, total);
    },
  });
  return Array.from({ length: count }, (_, sample) => completed.slice(sample * n, (sample + 1) * n));
}
