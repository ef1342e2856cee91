import { errorCode } from '../lib/ports/error.ts';

/**
 * Exit codes of a worker's proof, by the code of its error. ECS tells the deployment only this number, and the log of a
 * first deployment is deleted when it is rolled back. Below 64 are the codes of Node, from 126 those of shells and
 * signals.
 */
const exits: readonly (readonly [exit: number, errors: readonly string[], meaning: string])[] = [
  [64, ['invalid_environment'], 'a variable of its environment is missing or wrong'],
  [65, ['model_missing'], 'there is no checkpoint at the model’s location: copy it there first'],
  [66, ['model_mismatch'], 'the location has another model than modelId says'],
  [67, ['provider_unavailable'], 'onnxruntime cannot use the GPU: a library, the driver or a device is missing'],
  [68, ['storage_denied', 'aws_denied'], 'the worker’s role may not read the model, or not with its bucket’s KMS key'],
  [69, ['aws_unavailable'], 'AWS did not answer: deploy again'],
  [70, ['inference_failed'], 'the model predicts no finite numbers'],
];

/** Exit code for an error that ends the proof. Other errors have 1. */
export function proofExit(error: unknown): number {
  const code = errorCode(error);
  return exits.find(([, errors]) => code !== undefined && errors.includes(code))?.[0] ?? 1;
}

/** What an exit code of a proof means; undefined for a code that the log alone explains. */
export function proofExitMeaning(exit: number): string | undefined {
  return exits.find(([code]) => code === exit)?.[2];
}
