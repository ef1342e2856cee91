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

/** A probe to fit: its features, and the rows to train, choose and measure on. */
export interface ProbeTask {
  /** Features [rows, d] of each layer; those of several layers are concatenated. */
  layers: readonly Float32Array[];
  /** d */
  width: number;
  /** [rows], 0..C-1 */
  labels: Int32Array;
  /** C */
  classes: number;
  train: Uint32Array;
  /** Rows to choose the penalty by. Empty: choose it by cross-validation within `train`. */
  validation: Uint32Array;
  /** Rows to measure on; may be empty. */
  test: Uint32Array;
  /** Seed of the folds of cross-validation. */
  seed: number;
}

export interface FittedProbe {
  /** [C, k x d] */
  weight: Float32Array;
  /** [C] */
  bias: Float32Array;
  /** Factor of the squared weights in the mean loss. scikit-learn's C is 1 / (N penalty). */
  penalty: number;
  /** On the validation rows or folds, 0..1. */
  validationAccuracy: number;
  /** NaN without test rows. */
  testAccuracy: number;
  /** Whether the last fit reached its minimum. */
  converged: boolean;
}

/**
 * Penalties to choose from, strongest first, as multiples of the features' mean variance, so that the scale of a layer
 * does not matter. With a few dozen labels the best is often among the first.
 */
const penalties = [1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/** Most folds of cross-validation. A class with fewer labels has as many folds as labels. */
const maxFolds = 5;

/** Random stream of the folds, apart from other draws of the same seed. */
const foldStream = 0xf01d;

/** Gradient tolerance while choosing: the accuracy settles long before the loss does. */
const roughTolerance = 1e-4;

/**
 * Chooses the penalty on held-out rows, fits again on training and validation rows together, and measures on test rows.
 * Penalties are tried from the strongest on, each starting at the fit of the one before. The search stops after two
 * penalties that are worse than the best.
 */
export function fitProbe(task: ProbeTask): FittedProbe {
  const { train, validation, test } = task;
  const chosen = choose(
    task,
    validation.length > 0 ? [{ train, validation }] : folds(task, createRandom(task.seed, foldStream)),
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
  /** The best penalty, as a multiple of the mean variance of the features. */
  factor: number;
  /** Its fit on the first fold. */
  start: LinearClassifier;
  accuracy: number;
}

function choose(task: ProbeTask, splits: readonly Fold[]): Choice {
  const prepared = splits.map(({ train }) => prepareRows(task, train));
  const reached: (LinearClassifier | undefined)[] = splits.map(() => undefined);
  let best: Choice | undefined;
  let worse = 0;
  for (const factor of penalties) {
    let right = 0;
    prepared.forEach((examples, i) => {
      const start = reached[i];
      const fitted = fitLogisticRegression(examples, factor * meanVariance(examples), {
        start,
        gradientTolerance: roughTolerance,
      });
      reached[i] = fitted;
      right += measure(task, fitted, splits[i]?.validation ?? task.train) / splits.length;
    });
    const [start] = reached;
    if (start !== undefined && (best === undefined || right > best.accuracy)) {
      best = { factor, start, accuracy: right };
      worse = 0;
    } else if (best !== undefined && right < best.accuracy) {
      // Equal accuracy does not count: strong penalties may all predict the commonest class.
      worse += 1;
    }
    if (worse === 2) break;
  }
  if (best === undefined) throw new Error('Expected one or more penalties, found none.');
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

/** Folds with every class in each part. With one label a class nothing can be held out: `train` is also the validation. */
function folds({ train, labels, classes }: ProbeTask, random: () => number): Fold[] {
  const byClass = Array.from({ length: classes }, (): number[] => []);
  for (const row of train) byClass[labels[row] ?? 0]?.push(row);
  const count = Math.min(maxFolds, ...byClass.map((rows) => rows.length));
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
