import { moduleBeside } from '../../files/module-beside.ts';
import { createRandom } from '../../image-gpt/random.ts';
import { UsageError } from '../../ports/error.ts';
import { openThreadPool } from '../../runtime/thread-pool.ts';
import { checkClasses } from '../data/classes.ts';
import type { LabelledDataSet } from '../data/data-set.ts';
import { type Split, shuffle } from '../data/split.ts';
import { DataSetError } from '../error.ts';
import type { FittedProbe, ProbeTask } from './fit-probe.ts';
import type { LayerFeatures } from './layer-features.ts';

/** Accuracy of a probe on one layer, or on several concatenated layers. */
export interface ProbeResult {
  layers: readonly number[];
  /** Mean over the draws, 0..1. */
  validationAccuracy: number;
  /** Mean over the draws, 0..1. */
  testAccuracy: number;
  /** Standard deviation of the test accuracy over the draws; 0 for a single draw. */
  testDeviation: number;
  /** The probe of the first draw. */
  probe: FittedProbe;
  /** Whether the fits of all draws reached their minimum. */
  converged: boolean;
}

export interface ProbeLayersOptions {
  /** Layers of each probe: [[0], [1], [1, 2]] are two probes on one layer and one on two layers. */
  candidates: readonly (readonly number[])[];
  /** Rows to train and measure on. The accuracy of several draws is averaged. */
  draws: readonly Split[];
  /** Seed of the folds of cross-validation (default 0). */
  seed?: number;
  threads: number;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Random stream of drawn labels, apart from other draws of the same seed. */
const labelStream = 0x1abe1;

/**
 * The probes to fit: one per layer, and one on the `concat` layers together. `layers` are all layers that they read.
 *
 * @throws UsageError for a layer above `last`
 */
export function probeCandidates(
  { layers, concat }: { layers: 'all' | readonly number[]; concat?: readonly number[] | undefined },
  last: number,
  model: string,
): { candidates: (readonly number[])[]; layers: number[] } {
  const single = layers === 'all' ? Array.from({ length: last + 1 }, (_, layer) => layer) : layers;
  const candidates = [...single.map((layer) => [layer]), ...(concat === undefined ? [] : [concat])];
  const used = [...new Set(candidates.flat())].sort((a, b) => a - b);
  const tooHigh = used.find((layer) => layer > last);
  if (tooHigh !== undefined) throw new UsageError(`layer ${tooHigh}: expected 0 to ${last}, the layers of ${model}`);
  return { candidates, layers: used };
}

/** The probe with the best accuracy on held-out pictures, never on test pictures; the lowest layer among equals. */
export function bestProbe(results: readonly ProbeResult[]): ProbeResult | undefined {
  return results.reduce<ProbeResult | undefined>(
    (best, result) => (best === undefined || result.validationAccuracy > best.validationAccuracy ? result : best),
    undefined,
  );
}

export interface DrawOptions {
  /** Labels of each class to train on, drawn from the training and validation rows. Default: all labels. */
  labelsPerClass?: number | undefined;
  /** How often labels are drawn (default 1). */
  draws?: number;
  /** Default 0. */
  seed?: number;
}

/**
 * The rows that probes are trained and measured on. With drawn labels there is no validation part: the penalty is chosen
 * by cross-validation within the drawn labels.
 *
 * @throws DataSetError `one_class`, `class_empty`, `held_out_empty`
 */
export function drawSplits(
  dataSet: LabelledDataSet,
  split: Split,
  { labelsPerClass, draws = 1, seed = 0 }: DrawOptions = {},
): Split[] {
  if (labelsPerClass === undefined) return [checkedSplit(dataSet, split)];
  const pool = Uint32Array.from([...split.train, ...split.validation]);
  checkClasses(dataSet, pool, labelsPerClass);
  return Array.from({ length: draws }, (_, draw) => ({
    train: drawLabels(dataSet, pool, labelsPerClass, seed + draw),
    validation: new Uint32Array(0),
    test: split.test,
  }));
}

/** All rows of the splits, ascending. */
export function usedRows(splits: readonly Split[]): Uint32Array {
  const rows = new Set(splits.flatMap(({ train, validation, test }) => [...train, ...validation, ...test]));
  return Uint32Array.from(rows).sort();
}

/**
 * Fits and measures a probe for each candidate, in threads.
 *
 * @param features those of at least the rows of the draws
 */
export async function probeLayers(
  dataSet: LabelledDataSet,
  features: LayerFeatures,
  options: ProbeLayersOptions,
): Promise<ProbeResult[]> {
  const { candidates, draws, seed = 0, threads, onProgress } = options;
  const tasks = candidates.flatMap((layers) => draws.map((part, draw) => taskOf(layers, part, draw)));
  const pool = await openThreadPool<undefined, ProbeTask, FittedProbe>({
    file: moduleBeside(import.meta.url, './probe-thread'),
    data: undefined,
    threads: Math.min(threads, tasks.length),
  });
  let done = 0;
  try {
    const fitted = await Promise.all(
      tasks.map(async (task) => {
        const probe = await pool.execute(task);
        done += 1;
        onProgress?.(done, tasks.length);
        return probe;
      }),
    );
    return candidates.map((layers, i) => summary(layers, fitted.slice(i * draws.length, (i + 1) * draws.length)));
  } finally {
    await pool.close();
  }

  function taskOf(layers: readonly number[], part: Split, draw: number): ProbeTask {
    return {
      layers: layers.map((layer) => features.values.get(layer) ?? new Float32Array(0)),
      width: features.width,
      labels: dataSet.labels,
      classes: dataSet.classes.length,
      ...part,
      seed: seed + draw,
    };
  }
}

function checkedSplit(dataSet: LabelledDataSet, split: Split): Split {
  checkClasses(dataSet, split.train);
  if (split.validation.length === 0) {
    throw new DataSetError(
      'held_out_empty',
      `no pictures of ${dataSet.name} are held out to choose the penalty by; add pictures, or hold out a larger --validation-share`,
    );
  }
  return split;
}

/** Draws `count` of `rows` for each class, ascending. */
function drawLabels({ labels, classes }: LabelledDataSet, rows: Uint32Array, count: number, seed: number): Uint32Array {
  const random = createRandom(seed, labelStream);
  const shuffled = rows.slice();
  shuffle(shuffled, random);
  const left = new Int32Array(classes.length).fill(count);
  return shuffled
    .filter((row) => {
      const label = labels[row] ?? 0;
      left[label] = (left[label] ?? 0) - 1;
      return (left[label] ?? 0) >= 0;
    })
    .sort();
}

function summary(layers: readonly number[], probes: readonly FittedProbe[]): ProbeResult {
  const [probe] = probes;
  if (probe === undefined) throw new Error('Expected one or more draws, received none.');
  const mean = (of: (probe: FittedProbe) => number): number =>
    probes.reduce((sum, each) => sum + of(each), 0) / probes.length;
  const testAccuracy = mean((each) => each.testAccuracy);
  const spread = probes.reduce((sum, each) => sum + (each.testAccuracy - testAccuracy) ** 2, 0);
  return {
    layers,
    validationAccuracy: mean((each) => each.validationAccuracy),
    testAccuracy,
    testDeviation: probes.length > 1 ? Math.sqrt(spread / (probes.length - 1)) : 0,
    probe,
    converged: probes.every((each) => each.converged),
  };
}
