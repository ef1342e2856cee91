import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { summarize } from '../checkpoint/summary.ts';
import { paletteToRgb } from '../image-gpt/token-colors.ts';
import type { ClassInput, Model } from '../ports/model.ts';
import type { ReportAbout } from './report-row.ts';

/** The model part of a report: its id, what it reads, and how its numbers were computed. */
export function reportAbout(
  checkpoint: Checkpoint,
  model: Model & { input: ClassInput },
  warning: string | undefined,
): ReportAbout {
  const summary = summarize(checkpoint);
  const { width, height, palette, crop } = model.preprocessing;
  const { labels } = model;
  const features = `layer ${model.featureLayer}, norm ${model.featureNorm}`;
  return {
    model: model.id,
    warning,
    width,
    height,
    palette: paletteToRgb(palette),
    made: new Date(),
    card: [
      ['variant', summary.variant === 'custom' ? 'none of the paper’s' : `iGPT-${summary.variant}`],
      ['objective', model.objective === 'ar' ? 'autoregressive (next token)' : 'BERT (masked tokens)'],
      ['parameters', summary.parameters.toLocaleString('en')],
      ['layers', `${summary.n_layer} of width ${summary.n_embd}, ${summary.n_head} heads`],
      ['reads', `${width} × ${height}, ${model.tokens} tokens of ${palette.length / 3} colours`],
      ['crop', crop],
      ['outputs', model.outputs.join(', ')],
      ...(model.outputs.includes('features') ? ([['features', features]] as const) : []),
      ...(model.input === 'plain' ? ([['class input', 'plain tokens, without SOS']] as const) : []),
      ...(labels.length === 0 ? [] : ([['classes', labels.length.toLocaleString('en')]] as const)),
      ['computed on', `${model.provider}, ${model.precision}, onnxruntime ${model.onnxruntime}`],
    ],
  };
}
