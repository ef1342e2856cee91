import type { Random } from '../../image-gpt/random.ts';

/** How often a classifier was right. */
export interface Scores {
  pictures: number;
  /** Shares, 0..1. */
  top1: number;
  top5: number;
  /** [C, C], row: what it is, column: what the model said. */
  confusion: Uint32Array;
}

export interface ClassScore {
  pictures: number;
  /** Share of the class's pictures that was recognised; NaN without any. */
  recall: number;
  /** Share of what was said to be of the class that is; NaN when nothing was. */
  precision: number;
  /** The other class that its pictures were taken for most often; undefined when for none. */
  takenFor?: number;
}

const TOP = 5;

/**
 * @param predicted [N]
 * @param scores [N, C], for the top five: any numbers that order the classes
 * @param labels [N]
 */
export function scoresOf(predicted: Int32Array, scores: Float64Array, labels: Int32Array): Scores {
  const count = labels.length;
  const classes = scores.length / count;
  const confusion = new Uint32Array(classes * classes);
  let right = 0;
  let near = 0;
  for (let i = 0; i < count; i++) {
    const label = labels[i] ?? 0;
    const said = predicted[i] ?? 0;
    const cell = label * classes + said;
    confusion[cell] = (confusion[cell] ?? 0) + 1;
    right += said === label ? 1 : 0;
    near += said === label || rankOf(scores.subarray(i * classes, (i + 1) * classes), label) < TOP ? 1 : 0;
  }
  return { pictures: count, top1: right / count, top5: near / count, confusion };
}

/**
 * The class [N] of each row's highest score, the lowest index among equals.
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

/** Classes before `label` when sorted by score, the lower index first among equals. */
function rankOf(scores: Float64Array, label: number): number {
  const own = scores[label] ?? 0;
  return scores.reduce((before, score, c) => before + (score > own || (score === own && c < label) ? 1 : 0), 0);
}

export function classScores(confusion: Uint32Array): ClassScore[] {
  const classes = Math.sqrt(confusion.length);
  const at = (row: number, column: number): number => confusion[row * classes + column] ?? 0;
  const all = Array.from({ length: classes }, (_, c) => c);
  return all.map((c) => {
    const pictures = all.reduce((sum, column) => sum + at(c, column), 0);
    const said = all.reduce((sum, row) => sum + at(row, c), 0);
    const others = all.filter((column) => column !== c && at(c, column) > 0);
    const takenFor = others.toSorted((a, b) => at(c, b) - at(c, a) || a - b)[0];
    return {
      pictures,
      recall: at(c, c) / pictures,
      precision: at(c, c) / said,
      ...(takenFor !== undefined && { takenFor }),
    };
  });
}

/** The class with the most votes; among equals, one at random (the paper's vote of BERT models). */
export function modalClass(votes: readonly number[], random: Random): number {
  const counts = new Map<number, number>();
  for (const vote of votes) counts.set(vote, (counts.get(vote) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const tied = [...counts].filter(([, count]) => count === most).map(([vote]) => vote);
  return tied[tied.length === 1 ? 0 : Math.floor(random() * tied.length)] ?? 0;
}
