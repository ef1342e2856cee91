import { resultKey } from '../contracts/keys.ts';
import type { ObjectStore } from './ports.ts';
import { sha256 } from './sha256.ts';

/**
 * Deletes the outcome of a picture under a model (its id), if the picture is gone. It may also come back between two
 * steps, and get an outcome again: that one stays, because only the one from before the question is deleted.
 */
export async function removeOutcome(
  { input, output }: { input: ObjectStore; output: ObjectStore },
  model: string,
  key: string,
): Promise<void> {
  const at = resultKey(model, key, sha256);
  const outcome = await output.head(at);
  if (outcome === undefined || (await input.head(key)) !== undefined) return;
  await output.delete(at, { ifMatch: outcome.etag });
}
