import type { ClassInput } from '../ports/model.ts';
import type { ImageGptConfig } from './config.ts';

/**
 * What a model's classes are computed from; undefined for BERT models, which have no start token. A probe is fitted on
 * features behind SOS.
 */
export function classInput(model: { config: ImageGptConfig; probe?: unknown }): ClassInput | undefined {
  const { objective, input = 'sos' } = model.config;
  if (objective === 'bert') return undefined;
  return model.probe === undefined ? input : 'sos';
}

/** What the outputs are computed from: `plain` only if classes of plain tokens are among them; `sos` for BERT models. */
export function usedInput(model: Parameters<typeof classInput>[0], outputs: readonly string[]): ClassInput {
  return outputs.includes('classification') && classInput(model) === 'plain' ? 'plain' : 'sos';
}
