import type { ClassInput, Objective } from '../ports/model.ts';
import { CheckpointError } from './error.ts';

/** The class of transformers 5.24 whose head is trained on the tokens as its processor gives them. */
const plainArchitecture = 'ImageGPTForImageClassification';

/** What config.json says about the input of the class head. */
interface InputFacts {
  /** The key `igpt.input`. */
  stated: ClassInput | undefined;
  layout: 'huggingface' | 'openai';
  architectures: readonly string[];
  /** The key `igpt.objective`; igpt always writes it when it trains. */
  statedObjective: Objective | undefined;
  objective: Objective;
}

/** The input of the class head, and why; undefined for BERT models. */
export interface ConfigInput {
  input: ClassInput | undefined;
  reason: string;
}

/**
 * What the class head of a model reads: the key `igpt.input`, else plain tokens if transformers trained the head.
 *
 * @throws CheckpointError `config_invalid` for a BERT model with the key
 */
export function inputOf({ stated, layout, architectures, statedObjective, objective }: InputFacts): ConfigInput {
  if (objective === 'bert') {
    if (stated !== undefined) {
      throw new CheckpointError(
        'config_invalid',
        `igpt.input is ${JSON.stringify(stated)} in config.json, but a BERT model has no start token; expected no such key. Remove it.`,
      );
    }
    return { input: undefined, reason: 'a BERT model has no start token' };
  }
  if (stated !== undefined) return { input: stated, reason: `igpt.input is ${stated} in config.json` };
  const why = (found: string) => `no igpt.input in config.json, but ${found}`;
  if (layout === 'openai') return { input: 'sos', reason: why('the layout is OpenAI’s') };
  if (!architectures.includes(plainArchitecture)) {
    return { input: 'sos', reason: why(`the architecture is not ${plainArchitecture}`) };
  }
  return statedObjective === undefined
    ? { input: 'plain', reason: why(`the architecture is ${plainArchitecture}: transformers trains its head so`) }
    : { input: 'sos', reason: why('igpt.objective: igpt trained it') };
}
