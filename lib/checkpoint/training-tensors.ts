import { elementsOf } from '../graph/graph.ts';
import { keptDtype } from './float-dtype.ts';
import type { SourceTensor } from './tensor-source.ts';

/** A tensor that is no weight of the model. */
type Extra = Pick<SourceTensor, 'name' | 'dtype' | 'shape'>;

/** Causal masks that old versions of transformers saved as weights. */
const causalMasks = /^(transformer\.)?h\.\d+\.attn\.(bias|masked_bias)$/;

/** Names of an iGPT's own modules. Any other tensor below them belongs to a part that our graph does not compute. */
const ownModules = /^(transformer|wte|wpe|h|ln_f|lm_head|score)\./;

/** Modules of training code: `loss_fn.weight` (class weights). */
const losses = /(?:^|[._])(?:loss|criterion|cross_entropy|history)(?![a-z])/i;

/** States of metrics: `train_acc.confmat`. A metric has no weight or bias, but a layer may be called `f1`. */
const metrics = /(?:^|[._])(?:metrics?|acc|accuracy|auroc|f1)(?![a-z])(?!.*\.(?:weight|bias)$)/i;

/** Names that training code gives to averages of the weights: `model_ema`, `AveragedModel`, `swa`. */
const averages = /(?<![a-z])(?:ema|swa|avg|polyak)(?![a-z])|averag|shadow/i;

export function isAverage(name: string): boolean {
  return averages.test(name);
}

/** Single numbers that a model multiplies its results by, or adds to them. */
const factors = /(?:scale|temperature|gain|gamma|bias)$/i;

/** Whether a tensor beside Hugging Face's is one that training left behind: a metric, a counter, the loss. */
export function isHuggingFaceTraining({ name, dtype, shape }: Extra): boolean {
  if (causalMasks.test(name)) return true;
  if (ownModules.test(name)) return false;
  if (losses.test(name) || metrics.test(name) || isAverage(name)) return true;
  // A layer has weights, which are floats of at least one axis. Counters (n_averaged, n_batches) have neither.
  return (shape.length === 0 && !factors.test(name)) || keptDtype(dtype) === undefined;
}

/** What optimizers and averages call themselves: `Adam_1`, `adam_m`, `AdamWeightDecayOptimizer`, `training/RMSprop`, `_lamb`. */
const optimizers =
  /(?:^|[/_])(?:n?adam|sgd|momentum|rmsprop|ada(?:grad|delta|factor|belief)|ftrl|lamb(?!da)|lars|lion|sm3)[a-z]*(?:_[a-z0-9]+)?(?:\/|$)|optimi[sz]er|exponentialmovingaverage/i;

/** Counters and settings of training: `global_step`, `beta1_power_1`, `learning_rate`, `save_counter`. */
const settings =
  /(?:^|[/_.])(?:step|steps|iter|iterations|epoch|lr|learning_rate|beta_?[12]_power|loss_scale|counter)(?:_\d+)?$/i;

/** Names of an iGPT's own variables. Of the tensors below them, only slots of its weights are of training. */
const ownVariables = /^(?:model\/)?(?:h\d+|wte|wpe|wtet|sos|ln_f|clf)\//;

/** Last names of a layer's own tensors. `model/h0/attn/c_proj/b` is a bias, not a slot of `model/h0/attn/c_proj`. */
const layerNames = /\/(w|b|g|kernel|bias|gain|gamma|beta|scale|weight|weights|mask|lora_\w+)$/i;

/**
 * Whether a tensor of a TensorFlow checkpoint is one that training left behind. Optimizers and moving averages keep
 * their slots below the name of the weight (`model/wte/Adam`, `model/wte/ExponentialMovingAverage`) or in a scope of their
 * own (`ema/model/wte`), and a few counters.
 */
export function isOpenAiTraining({ name, dtype, shape }: Extra, weights: ReadonlySet<string>): boolean {
  if (isBelowAny(name, weights) && !layerNames.test(name)) return true;
  if (!ownVariables.test(name) && (optimizers.test(name) || isAverage(name))) return true;
  if (elementsOf(shape) !== 1) return false;
  const isOutside = weights.has('model/wte') && !name.startsWith('model/') && !factors.test(name);
  return isOutside || keptDtype(dtype) === undefined || settings.test(name);
}

/** Optimizers may be made in a scope or two: `training/model/wte/Adam`. */
const maxScopes = 2;

/** Parts of the longest name, `model/h0/mlp/c_fc/w`. */
const maxParts = 5;

function isBelowAny(name: string, weights: ReadonlySet<string>): boolean {
  const parts = name.split('/');
  for (let start = 0; start <= maxScopes; start++) {
    for (let end = start + 1; end < parts.length && end <= start + maxParts; end++) {
      if (weights.has(parts.slice(start, end).join('/'))) return true;
    }
  }
  return false;
}

/** Tensors that an import leaves out, under one name: `optimizer`, `Adam_1`, `loss`. */
export interface LeftOut {
  name: string;
  tensors: number;
}

/** Counts tensors by what they belong to, in the order of `names`. */
export function countByGroup(names: readonly string[]): LeftOut[] {
  const counts = new Map<string, number>();
  for (const name of names) {
    const group = groupOf(name);
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return [...counts].map(([name, tensors]) => ({ name, tensors }));
}

/** A slot's own name (`model/wte/Adam`), or the outermost module (`optimizer/_variables/10`, `train_acc.tp`). */
function groupOf(name: string): string {
  if (causalMasks.test(name)) return 'causal masks';
  const parts = name.split('/');
  const last = parts.at(-1) ?? '';
  return /^\d+$/.test(last) ? (parts[0] ?? '') : last.replace(/\..*/, '');
}
