import type { Precision } from '../ports/model.ts';

/** Sizes that Lambda offers for a function's /tmp (MiB). Source: AWS Lambda Developer Guide, "Ephemeral storage". */
const least = 512;
const most = 10_240;

/** Room for everything else (MiB). */
const spareMib = 64;

/**
 * A derived file (int8, f16) is at most twice as large as the checkpoint: a checkpoint in 16 bits whose matrices all need
 * 32 (lib/runtime/precision.ts). One that is written again replaces itself.
 */
const derivedShare = 2;

/**
 * Size of /tmp for the inference function (MiB), which holds the checkpoint's copy and the derived weights. Undefined if
 * Lambda offers less.
 *
 * @param modelBytes JSON and safetensors files of the checkpoint, together
 * @param bundled the model lies in the function's bundle
 */
export function inferStorageMib(
  modelBytes: number,
  { bundled, precision }: { bundled: boolean; precision: Precision },
): number | undefined {
  const copies = (bundled ? 0 : 1) + (precision === 'f32' ? 0 : derivedShare);
  const mib = Math.max(Math.ceil((modelBytes * copies) / 2 ** 20) + spareMib, least);
  return mib <= most ? mib : undefined;
}
