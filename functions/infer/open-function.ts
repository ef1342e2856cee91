import { resolve } from 'node:path';
import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { inferEnvironment } from '../../lib/contracts/environment.ts';
import { parseS3Location } from '../../lib/contracts/s3-location.ts';
import type { LocalModel } from '../../lib/runtime/model.ts';
import type { AnswerOptions } from '../answer-delivery.ts';
import { openInference } from '../open-inference.ts';
import { openWorkerModel } from '../open-model.ts';
import type { Telemetry } from '../telemetry.ts';
import { timePredictions } from './time-predictions.ts';

/** The open function: its model, and how it answers a delivery of the tokens queue. */
export interface OpenFunction
  extends Pick<AnswerOptions, 'flow' | 'queueAt' | 'siblingUrl' | 'reserveMs' | 'visibilityMs'> {
  model: LocalModel;
}

/** True if the model lies in the bundle, in `folder`. */
export function isBundled({ MODEL_LOCATION: location = '' }: { MODEL_LOCATION?: string | undefined }): boolean {
  return parseS3Location(location) === undefined;
}

/**
 * Opens the model and wires the infer flow to AWS.
 *
 * @param folder where a relative MODEL_LOCATION starts
 */
export async function openFunction(folder: string, telemetry: Telemetry): Promise<OpenFunction> {
  const given = readEnvironment(inferEnvironment, process.env);
  const { MODEL_LOCATION: location, TOKENS_QUEUE_URL: siblingUrl, VISIBILITY_SECONDS } = given;
  const env = isBundled(given) ? { ...given, MODEL_LOCATION: resolve(folder, location) } : given;
  const started = performance.now();
  const { model, reserveMs } = timePredictions(await openWorkerModel(env));
  const { id, provider, concurrency } = model;
  const opened_ms = Math.round(performance.now() - started);
  telemetry.logger.info('ready', { model: id, provider, concurrency, opened_ms });
  const visibilityMs = VISIBILITY_SECONDS * 1000;
  return { model, siblingUrl, reserveMs, visibilityMs, ...openInference(env, model, telemetry) };
}
