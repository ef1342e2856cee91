import type { Random } from '../../image-gpt/random.ts';

/** Accuracy of a classifier on N pictures of C classes. */
export interface Scores {
  pictures: number;
  /** Share of the pictures whose predicted class is right, 0..1. */
  top1: number;
  /** Share of the pictures whose class is predicted or among the five highest scores, 0..1. */
  top5: number;
  /** [C, C], row: true class, column: predicted class. */
  confusion: Uint32Array;
}

/** Accuracy of a classifier on one class. */
export interface ClassScore {
  pictures: number;
  /** Share of the class's pictures that were predicted as the class. NaN without pictures. */
  recall: number;
  /** Share of the predictions of the class that are right. NaN without predictions. */
  precision: number;
  /** The most frequent wrong prediction for its pictures. Undefined without wrong predictions. */
  takenFor?: number | undefined;
}

const topCount = 5;

/**
 * @param predicted [N]
 * @param scores [N, C], any numbers that order the classes; used for the top five
 * @param labels [N]
 */
export function scoresOf(predicted: Int32Array, scores: Float64Array, labels: Int32Array): Scores {
  const count = labels.length;
  const classes = scores.length / count;
  const confusion = new Uint32Array(classes * classes);
  let right = 0;
  let rightInTop = 0;
  for (let i = 0; i < count; i++) {
    const label = labels[i] ?? 0;
    const guess = predicted[i] ?? 0;
    const cell = label * classes + guess;
    confusion[cell] = (confusion[cell] ?? 0) + 1;
    right += guess === label ? 1 : 0;
    rightInTop += guess === label || rankOf(scores.subarray(i * classes, (i + 1) * classes), label) < topCount ? 1 : 0;
  }
  return { pictures: count, top1: right / count, top5: rightInTop / count, confusion };
}

/**
 * Class with the highest score in each row [N]; the lowest index among equals.
 *
 * @param scores [N, C]
 * @param count N
 */
export function likeliestClasses(scores: Float32Array | Float64Array, count: number): Int32Array {
  const classes = scores.length / count;
  return Int32Array.from({ length: count }, (_, i) => {
    const row = Array.from(scores.subarray(i * classes, (i + 1) * classes));
    return row.indexOf(Math.max(...row));
  });
}

/** Recall and precision of each class of a confusion matrix [C, C]. */
export function classScores(confusion: Uint32Array): ClassScore[] {
  const classes = Math.sqrt(confusion.length);
  const at = (row: number, column: number): number => confusion[row * classes + column] ?? 0;
  const all = Array.from({ length: classes }, (_, c) => c);
  return all.map((c) => {
    const pictures = all.reduce((sum, column) => sum + at(c, column), 0);
    const predictions = all.reduce((sum, row) => sum + at(row, c), 0);
    const others = all.filter((column) => column !== c && at(c, column) > 0);
    const takenFor = others.toSorted((a, b) => at(c, b) - at(c, a) || a - b)[0];
    return { pictures, recall: at(c, c) / pictures, precision: at(c, c) / predictions, takenFor };
  });
}

/** The class with the most votes; among equals, one at random (the iGPT paper's vote of BERT models). */
export function modalClass(votes: readonly number[], random: Random): number {
  const counts = new Map<number, number>();
  for (const vote of votes) counts.set(vote, (counts.get(vote) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const tied = [...counts].filter(([, count]) => count === most).map(([vote]) => vote);
  return tied[tied.length === 1 ? 0 : Math.floor(random() * tied.length)] ?? 0;
}

/** Position of `label` when classes are sorted by score, from 0; the lower index comes first among equals. */
function rankOf(scores: Float64Array, label: number): number {
  const own = scores[label] ?? 0;
  return scores.reduce((before, score, c) => before + (score > own || (score === own && c < label) ? 1 : 0), 0);
}
