import { Option } from 'commander';
import { classInputs } from '../../ports/model.ts';

/** What the class head reads. */
export function inputOption(): Option {
  return new Option(
    '--input <input>',
    'what the class head reads: sos, the tokens behind the start token, as OpenAI trains it; plain, the tokens as they are, as transformers trains it (default: the model’s, see igpt inspect); plain changes the model id',
  ).choices(classInputs);
}
