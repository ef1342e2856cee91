import { createRandom } from '../image-gpt/random.ts';
import { gatherFeatures } from './layer-features.ts';
import {
  accuracy,
  fitLogisticRegression,
  type LinearClassifier,
  predictClasses,
  prepare,
} from './logistic-regression.ts';
import { shuffle } from './split.ts';

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
  /** Whether every fit came to its minimum. */
  converged: boolean;
}

/**
 * Strengths of regularisation to choose from, strongest first, as multiples of the features' mean variance: so they mean
 * the same at every layer, whatever its scale.
 */
const PENALTIES = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/** Of cross-validation, at most; as many as a class has labels, where it has fewer. */
const MOST_FOLDS = 5;

/** Keeps the draws of folds apart from those of everything else with the same seed. */
const FOLD_STREAM = 0xf01d;

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
  const all = Uint32Array.from([...train, ...validation]);
  const last = refit(task, all, chosen.factors);
  return {
    weight: Float32Array.from(last.classifier.weight),
    bias: Float32Array.from(last.classifier.bias),
    penalty: last.penalty,
    validationAccuracy: chosen.accuracy,
    testAccuracy: measure(task, last.classifier, test),
    converged: chosen.converged && last.converged,
  };
}

interface Fold {
  train: Uint32Array;
  validation: Uint32Array;
}

interface Choice {
  /** The path to the best penalty, itself the last. */
  factors: readonly number[];
  accuracy: number;
  converged: boolean;
}

function choose(task: ProbeTask, splits: readonly Fold[]): Choice {
  const paths = splits.map(({ train, validation }) => ({ next: penaltyPath(task, train), validation }));
  let best: Choice = { factors: PENALTIES.slice(0, 1), accuracy: -1, converged: true };
  let converged = true;
  let worse = 0;
  for (let i = 0; i < PENALTIES.length && worse < 2; i++) {
    let right = 0;
    for (const { next, validation } of paths) {
      const fitted = next(PENALTIES[i] ?? 1);
      converged &&= fitted.converged;
      right += measure(task, fitted.classifier, validation) / paths.length;
    }
    if (right > best.accuracy) {
      best = { factors: PENALTIES.slice(0, i + 1), accuracy: right, converged: true };
      worse = 0;
    } else {
      worse += 1;
    }
  }
  return { ...best, converged };
}

interface PathFit {
  classifier: LinearClassifier;
  penalty: number;
  converged: boolean;
}

/** Fits one penalty after the other on the same rows, each from where the last one ended. */
function penaltyPath({ layers, width, labels, classes }: ProbeTask, rows: Uint32Array): (factor: number) => PathFit {
  const prepared = prepare({
    features: gatherFeatures(layers, width, rows),
    labels: Int32Array.from(rows, (row) => labels[row] ?? 0),
    classes,
  });
  const variance = prepared.deviation.reduce((sum, sigma) => sum + sigma ** 2, 0) / prepared.deviation.length;
  let start: LinearClassifier | undefined;
  return (factor) => {
    const penalty = factor * variance;
    const fitted = fitLogisticRegression(prepared, penalty, start);
    start = fitted;
    return { classifier: fitted, penalty, converged: fitted.converged };
  };
}

/** The last fit of a path: the way there saves more than it costs. */
function refit(task: ProbeTask, rows: Uint32Array, factors: readonly number[]): PathFit {
  const next = penaltyPath(task, rows);
  const [first = 1, ...rest] = factors;
  return rest.reduce((_, factor) => next(factor), next(first));
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
