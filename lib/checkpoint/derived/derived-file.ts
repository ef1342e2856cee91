import { createHash } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { BlockWeights, ImageGptWeights, IntegerMatrix, Projection, Weight } from '../../graph/weights.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { CheckpointError } from '../error.ts';
import { readSafetensorsHeader, type SafetensorsTensor } from '../safetensors/safetensors.ts';
import { streamSafetensors } from '../safetensors/stream-safetensors.ts';
import { statFile } from '../stat-file.ts';
import { weightHashes } from '../weights-hash.ts';
import { derivedNames, foldsGain, halfTensors, quantizedTensors } from './derived-tensors.ts';
import { type MatrixFormat, type MatrixRole, type Plan, type Precision, parsePlan, planText } from './precision.ts';

/** Raised with every change of what is derived, so that files of other versions are never read. */
const FORMAT = 'igpt-derived-1';

/** Of SHA-256, hex digits. */
const DIGITS = 16;

/** A precision that has a file of its own. */
export type DerivedPrecision = Exclude<Precision, 'f32'>;

/** Weights in another number format, in a file made from the checkpoint's. */
export interface DerivedWeights {
  weights: ImageGptWeights;
  /** Formats of the matrices; undefined for `f16`, where every weight has the same. */
  plan?: Plan;
  path: string;
  /** Bytes. */
  bytes: number;
}

/**
 * Path of a checkpoint's derived file in `folder`: the name holds what it was made of, so another checkpoint or version
 * has another one.
 */
export async function derivedPath(
  checkpoint: Checkpoint,
  precision: DerivedPrecision,
  folder: string,
): Promise<string> {
  const source = await sourceHash(checkpoint);
  return join(folder, `${checkpoint.name}-${precision}-${source.slice(0, DIGITS)}.safetensors`);
}

/**
 * Writes a derived file, whole or not at all; the same bytes on every machine for the same weights and plan.
 *
 * @throws CheckpointError `output_not_writable`, or what is wrong with the weights
 */
export async function writeDerived(
  path: string,
  checkpoint: Checkpoint,
  precision: DerivedPrecision,
  plan: Plan | undefined,
): Promise<void> {
  const { weights, config } = checkpoint;
  const metadata = {
    format: FORMAT,
    source: await sourceHash(checkpoint),
    precision,
    ...(plan && { plan: planText(plan) }),
  };
  const tensors = plan === undefined ? halfTensors(weights) : quantizedTensors(weights, config, plan);
  try {
    await mkdir(dirname(path), { recursive: true });
    await streamSafetensors(path, tensors, metadata);
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError(
      'output_not_writable',
      `The ${precision} weights cannot be written to ${dirname(path)}; set IGPT_CACHE to a folder with room for them.`,
      { cause },
    );
  }
}

/**
 * Opens a derived file; undefined when there is none.
 *
 * @throws CheckpointError `weights_stale` when it was made of other weights, and what else is wrong with it
 */
export async function openDerived(
  path: string,
  checkpoint: Checkpoint,
  precision: DerivedPrecision,
): Promise<DerivedWeights | undefined> {
  if ((await statFile(path, 'weights_missing')) === undefined) return undefined;
  const { tensors, metadata, fileBytes } = await readSafetensorsHeader(path).catch((cause: unknown) => {
    throw new CheckpointError('weights_invalid', `${path} is damaged: delete it, and it is made anew.`, { cause });
  });
  const { format, source, precision: made, plan: text } = metadata;
  const plan = text === undefined ? undefined : parsePlan(text);
  const blocks = precision === 'f16' ? undefined : checkpoint.config.n_layer;
  if (format !== FORMAT || source !== (await sourceHash(checkpoint)) || made !== precision || plan?.length !== blocks) {
    throw new CheckpointError(
      'weights_stale',
      `${path} was not made of these weights, or by another version: delete it, and it is made anew.`,
    );
  }
  const real = await realpath(path);
  const file = createReader(tensors, basename(real));
  const read = plan === undefined ? halfWeights(checkpoint, file) : quantizedWeights(checkpoint, file, plan);
  return { weights: { ...read, directory: dirname(real) }, ...(plan && { plan }), path, bytes: fileBytes };
}

interface DerivedReader {
  float(name: string): Weight;
  integer(name: string): IntegerMatrix;
}

function createReader(tensors: ReadonlyMap<string, SafetensorsTensor>, file: string): DerivedReader {
  const find = (name: string): SafetensorsTensor => {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      throw new CheckpointError('weights_invalid', `${file} has no ${name}: delete it, and it is made anew.`);
    }
    return tensor;
  };
  const refuse = ({ name, dtype }: SafetensorsTensor): never => {
    throw new CheckpointError('weights_invalid', `${file} has ${name} as ${dtype}: delete it, and it is made anew.`);
  };
  return {
    float(name) {
      const tensor = find(name);
      const { dtype } = tensor;
      return dtype === 'F32' || dtype === 'F16' ? { ...tensor, dtype, file } : refuse(tensor);
    },
    integer(name) {
      const tensor = find(name);
      const { dtype } = tensor;
      return dtype === 'I8' || dtype === 'U8' ? { ...tensor, dtype, file } : refuse(tensor);
    },
  };
}

function halfWeights({ weights }: Checkpoint, { float }: DerivedReader): ImageGptWeights {
  const half = (weight: Weight): Weight => float(weight.name);
  const { blocks } = weights;
  return {
    ...outerWeights(weights, half),
    blocks: blocks.map((block) => ({
      ...block,
      ...blockBiases(block, half),
      ln1: half(block.ln1),
      ln2: half(block.ln2),
      attention:
        block.attention.layout === 'packed'
          ? {
              layout: 'packed',
              weight: half(block.attention.weight),
              ...(block.attention.bias && { bias: half(block.attention.bias) }),
            }
          : {
              layout: 'split',
              q: half(block.attention.q),
              k: half(block.attention.k),
              v: half(block.attention.v),
            },
      attentionProjection: half(block.attentionProjection),
      fc: half(block.fc),
      mlpProjection: half(block.mlpProjection),
    })),
  };
}

function quantizedWeights({ weights, config }: Checkpoint, file: DerivedReader, plan: Plan): ImageGptWeights {
  const same = (weight: Weight): Weight => file.float(weight.name);
  const { n_embd: d, n_inner } = config;
  const inputs: Readonly<Record<MatrixRole, number>> = {
    attention: d,
    attentionProjection: d,
    fc: d,
    mlpProjection: n_inner,
  };
  return {
    ...outerWeights(weights, same),
    blocks: weights.blocks.map((block, layer) => {
      const formats = plan[layer];
      if (formats === undefined) throw new RangeError(`Expected a plan of ${weights.blocks.length} blocks`);
      const projection = (role: MatrixRole): Projection => projectionOf(file, layer, role, formats[role], inputs[role]);
      const { attention } = block;
      return {
        ...block,
        ...blockBiases(block, same),
        ln1: file.float(derivedNames.ln1(layer)),
        ln2: file.float(derivedNames.ln2(layer)),
        attention:
          attention.layout === 'packed' && attention.bias
            ? { ...attention, bias: file.float(derivedNames.attentionBias(layer)) }
            : attention,
        quantized: {
          attention: projection('attention'),
          attentionProjection: projection('attentionProjection'),
          fc: projection('fc'),
          mlpProjection: projection('mlpProjection'),
          valueScales: file.float(derivedNames.valueScales(layer)),
          ...(foldsGain(formats.attention) && { foldedLn1: file.float(derivedNames.foldedLn1(layer)) }),
          ...(foldsGain(formats.fc) && { foldedLn2: file.float(derivedNames.foldedLn2(layer)) }),
        },
      };
    }),
  };
}

function projectionOf(
  file: DerivedReader,
  layer: number,
  role: MatrixRole,
  format: MatrixFormat,
  inputs: number,
): Projection {
  if (format === 'f32') return { format, weight: file.float(derivedNames.plain(layer, role)) };
  const values = file.integer(derivedNames.values(layer, role));
  const scales = file.float(derivedNames.scales(layer, role));
  return format === 'int8' || format === 'int8-unfolded'
    ? { format: 'int8', values, scales }
    : { format: 'int8-block', inputs, values, scales };
}

/** What is not in a block. */
function outerWeights(
  { directory, layout, wte, sos, wpe, lnF, lmHead, score }: ImageGptWeights,
  map: (weight: Weight) => Weight,
): Omit<ImageGptWeights, 'blocks'> {
  return {
    directory,
    layout,
    wte: map(wte),
    ...(sos && { sos: map(sos) }),
    wpe: map(wpe),
    lnF: map(lnF),
    ...(lmHead && { lmHead: map(lmHead) }),
    ...(score && { score: map(score) }),
  };
}

function blockBiases(
  { attentionProjectionBias, fcBias, mlpProjectionBias }: BlockWeights,
  map: (weight: Weight) => Weight,
): Partial<BlockWeights> {
  return {
    ...(attentionProjectionBias && { attentionProjectionBias: map(attentionProjectionBias) }),
    ...(fcBias && { fcBias: map(fcBias) }),
    ...(mlpProjectionBias && { mlpProjectionBias: map(mlpProjectionBias) }),
  };
}

async function sourceHash(checkpoint: Checkpoint): Promise<string> {
  const hashes = await weightHashes(checkpoint);
  return createHash('sha256')
    .update([FORMAT, ...hashes].join('\n'))
    .digest('hex');
}
