import { createRandom } from '../../image-gpt/random.ts';
import { shuffle } from '../data/split.ts';
import { gatherFeatures } from './layer-features.ts';
import {
  accuracy,
  fitLogisticRegression,
  type LinearClassifier,
  type Prepared,
  predictClasses,
  prepare,
} from './logistic-regression.ts';

/** One probe to fit: on these features, chosen and measured on these rows. */
export interface ProbeTask {
  /** Of each layer [rows, d]; several are put side by side. */
  layers: readonly Float32Array[];
  /** d */
  width: number;
  /** [rows], 0..C-1 */
  labels: Int32Array;
  /** C */
  classes: number;
  train: Uint32Array;
  /** Held out to choose the penalty by; none: it is chosen by cross-validation within `train`. */
  validation: Uint32Array;
  /** Held out to measure by; may be empty. */
  test: Uint32Array;
  /** For the folds of cross-validation. */
  seed: number;
}

export interface FittedProbe {
  /** [C, k x d] */
  weight: Float32Array;
  /** [C] */
  bias: Float32Array;
  /** Of the squared weights, in the mean loss; scikit-learn's C is 1 / (N penalty). */
  penalty: number;
  /** On the held-out pictures or folds, 0..1. */
  validationAccuracy: number;
  /** NaN without test pictures. */
  testAccuracy: number;
  /** Whether the last fit came to its minimum. */
  converged: boolean;
}

/**
 * Strengths of regularisation to choose from, strongest first, as multiples of the features' mean variance: so they mean
 * the same at every layer, whatever its scale. With a few dozen labels the best is often among the first.
 */
const PENALTIES = [1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/** Of cross-validation, at most; as many as a class has labels, where it has fewer. */
const MOST_FOLDS = 5;

/** Keeps the draws of folds apart from those of everything else with the same seed. */
const FOLD_STREAM = 0xf01d;

/** While choosing: accuracy has long settled when the loss still falls in its fifth digit. */
const ROUGH_TOLERANCE = 1e-4;

/**
 * Chooses the penalty on held-out pictures, then fits again on all that may be trained on, and measures. Penalties are
 * tried from the strongest on, each from where the last one ended, until two in a row do worse than the best.
 */
export function fitProbe(task: ProbeTask): FittedProbe {
  const { train, validation, test } = task;
  const chosen = choose(
    task,
    validation.length > 0 ? [{ train, validation }] : folds(task, createRandom(task.seed, FOLD_STREAM)),
  );
  const all = prepareRows(task, Uint32Array.from([...train, ...validation]));
  const penalty = chosen.factor * meanVariance(all);
  const last = fitLogisticRegression(all, penalty, { start: chosen.start });
  return {
    weight: Float32Array.from(last.weight),
    bias: Float32Array.from(last.bias),
    penalty,
    validationAccuracy: chosen.accuracy,
    testAccuracy: measure(task, last, test),
    converged: last.converged,
  };
}

interface Fold {
  train: Uint32Array;
  validation: Uint32Array;
}

interface Choice {
  /** The best penalty, as a multiple of the mean variance. */
  factor: number;
  /** Fitted with it, on the first of the folds. */
  start: LinearClassifier;
  accuracy: number;
}

function choose(task: ProbeTask, splits: readonly Fold[]): Choice {
  const prepared = splits.map(({ train }) => prepareRows(task, train));
  const reached: (LinearClassifier | undefined)[] = splits.map(() => undefined);
  let best: Choice | undefined;
  let worse = 0;
  for (const factor of PENALTIES) {
    let right = 0;
    prepared.forEach((examples, i) => {
      const start = reached[i];
      const fitted = fitLogisticRegression(examples, factor * meanVariance(examples), {
        ...(start && { start }),
        gradientTolerance: ROUGH_TOLERANCE,
      });
      reached[i] = fitted;
      right += measure(task, fitted, splits[i]?.validation ?? task.train) / splits.length;
    });
    const [start] = reached;
    if (start !== undefined && (best === undefined || right > best.accuracy)) {
      best = { factor, start, accuracy: right };
      worse = 0;
    } else if (best !== undefined && right < best.accuracy) {
      // Equal ones say nothing: where one class is common, or one channel large, the first say the same of everything.
      worse += 1;
    }
    if (worse === 2) break;
  }
  if (best === undefined) throw new Error('no penalty was tried');
  return best;
}

function prepareRows({ layers, width, labels, classes }: ProbeTask, rows: Uint32Array): Prepared {
  return prepare({
    features: gatherFeatures(layers, width, rows),
    labels: Int32Array.from(rows, (row) => labels[row] ?? 0),
    classes,
  });
}

function meanVariance({ deviation }: Prepared): number {
  return deviation.reduce((sum, sigma) => sum + sigma ** 2, 0) / deviation.length;
}

function measure({ layers, width, labels }: ProbeTask, classifier: LinearClassifier, rows: Uint32Array): number {
  const predicted = predictClasses(gatherFeatures(layers, width, rows), classifier);
  return accuracy(
    predicted,
    Int32Array.from(rows, (row) => labels[row] ?? 0),
  );
}

/** Folds with every class in each part; one label a class is too few to hold any out, so it is trained and tried on. */
function folds({ train, labels, classes }: ProbeTask, random: () => number): Fold[] {
  const byClass = Array.from({ length: classes }, (): number[] => []);
  for (const row of train) byClass[labels[row] ?? 0]?.push(row);
  const count = Math.min(MOST_FOLDS, ...byClass.map((rows) => rows.length));
  if (count < 2) return [{ train, validation: train }];
  const parts = Array.from({ length: count }, (): number[] => []);
  for (const rows of byClass) {
    shuffle(rows, random);
    rows.forEach((row, i) => {
      parts[i % count]?.push(row);
    });
  }
  return parts.map((held, k) => ({
    train: Uint32Array.from(parts.flatMap((part, i) => (i === k ? [] : part))),
    validation: Uint32Array.from(held),
  }));
}
