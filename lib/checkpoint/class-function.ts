import type { ClassFunction } from '../ports/model.ts';

/** `problem_type` of config.json. */
export const problemTypes = ['regression', 'single_label_classification', 'multi_label_classification'] as const;

export type ProblemType = (typeof problemTypes)[number];

/** How a class head's logits become probabilities, or why they cannot. */
export type ClassReading = { function: ClassFunction } | { refused: string };

/**
 * As in transformers 5.24 (pipelines/image_classification.py, `postprocess`): a multi-label model and a model with one
 * label have a sigmoid per label, all others a softmax. A regression has values, not probabilities.
 */
export function classReading(problem: ProblemType | undefined, labels: number): ClassReading {
  if (problem === 'regression') {
    return { refused: 'config.json has problem_type regression: its outputs are values, not classes' };
  }
  if (problem === 'single_label_classification' && labels === 1) {
    return {
      refused:
        'config.json has problem_type single_label_classification with one label, which transformers refuses: it would always be that label',
    };
  }
  return { function: problem === 'multi_label_classification' || labels === 1 ? 'sigmoid' : 'softmax' };
}
