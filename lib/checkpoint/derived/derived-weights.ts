import type { BlockWeights, ImageGptWeights, IntegerMatrix, Projection, Weight } from '../../graph/weights.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { CheckpointError } from '../error.ts';
import type { SafetensorsTensor } from '../safetensors/safetensors.ts';
import { derivedNames, foldsGain } from './derived-tensors.ts';
import type { MatrixFormat, MatrixRole, Plan } from './precision-plan.ts';

/**
 * Maps the tensors of a derived file to the roles of `checkpoint`'s weights.
 *
 * @param file base name of the derived file
 * @param plan undefined for `f16`
 * @throws CheckpointError `weights_invalid` if a tensor is missing or has another dtype
 */
export function derivedWeights(
  checkpoint: Checkpoint,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  file: string,
  plan: Plan | undefined,
): ImageGptWeights {
  const reader = createReader(tensors, file);
  return plan === undefined ? halfWeights(checkpoint, reader) : quantizedWeights(checkpoint, reader, plan);
}

interface DerivedReader {
  float(name: string): Weight;
  integer(name: string): IntegerMatrix;
}

function createReader(tensors: ReadonlyMap<string, SafetensorsTensor>, file: string): DerivedReader {
  const find = (name: string): SafetensorsTensor => {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      throw new CheckpointError('weights_invalid', `${file} is damaged: tensor ${name} is missing.`);
    }
    return tensor;
  };
  const refuse = ({ name, dtype }: SafetensorsTensor, expected: string): never => {
    throw new CheckpointError(
      'weights_invalid',
      `${file} is damaged: tensor ${name} is ${dtype}; expected ${expected}.`,
    );
  };
  return {
    float(name) {
      const tensor = find(name);
      const { dtype } = tensor;
      return dtype === 'F32' || dtype === 'F16' ? { ...tensor, dtype, file } : refuse(tensor, 'F32 or F16');
    },
    integer(name) {
      const tensor = find(name);
      const { dtype } = tensor;
      return dtype === 'I8' || dtype === 'U8' ? { ...tensor, dtype, file } : refuse(tensor, 'I8 or U8');
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
      attention: {
        ...(block.attention.layout === 'packed'
          ? { layout: 'packed', weight: half(block.attention.weight) }
          : {
              layout: 'split',
              q: half(block.attention.q),
              k: half(block.attention.k),
              v: half(block.attention.v),
            }),
        bias: block.attention.bias && half(block.attention.bias),
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
      if (formats === undefined)
        throw new RangeError(`Expected a plan of ${weights.blocks.length} blocks, received ${plan.length}`);
      const projection = (role: MatrixRole): Projection => projectionOf(file, layer, role, formats[role], inputs[role]);
      const { attention } = block;
      return {
        ...block,
        ...blockBiases(block, same),
        ln1: file.float(derivedNames.ln1(layer)),
        ln2: file.float(derivedNames.ln2(layer)),
        attention: { ...attention, bias: attention.bias && file.float(derivedNames.attentionBias(layer)) },
        quantized: {
          attention: projection('attention'),
          attentionProjection: projection('attentionProjection'),
          fc: projection('fc'),
          mlpProjection: projection('mlpProjection'),
          valueScales: file.float(derivedNames.valueScales(layer)),
          foldedLn1: foldsGain(formats.attention) ? file.float(derivedNames.foldedLn1(layer)) : undefined,
          foldedLn2: foldsGain(formats.fc) ? file.float(derivedNames.foldedLn2(layer)) : undefined,
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

/** The weights outside the blocks. */
function outerWeights(
  { directory, layout, wte, sos, wpe, lnF, lmHead, score }: ImageGptWeights,
  map: (weight: Weight) => Weight,
): Omit<ImageGptWeights, 'blocks'> {
  return {
    directory,
    layout,
    wte: map(wte),
    sos: sos && map(sos),
    wpe: map(wpe),
    lnF: map(lnF),
    lmHead: lmHead && map(lmHead),
    score: score && map(score),
  };
}

function blockBiases(
  { attentionProjectionBias, fcBias, mlpProjectionBias }: BlockWeights,
  map: (weight: Weight) => Weight,
): Partial<BlockWeights> {
  return {
    attentionProjectionBias: attentionProjectionBias && map(attentionProjectionBias),
    fcBias: fcBias && map(fcBias),
    mlpProjectionBias: mlpProjectionBias && map(mlpProjectionBias),
  };
}
