import { endianness } from 'node:os';
import { z } from 'zod';
import { readRegularFile } from '../files/regular-file.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import { type FeatureNorm, featureNorms } from '../ports/model.ts';
import { excessOf } from './bounded-json.ts';
import { CheckpointError } from './error.ts';
import { longList } from './long-schemas.ts';
import { readSafetensorsHeader, type SafetensorsTensor } from './safetensors/safetensors.ts';
import { writeSafetensors } from './safetensors/write-safetensors.ts';
import { type TrainedOn, trainedOnMetadata } from './trained-on.ts';

/** A linear classifier on frozen pooled features (paper section 2.3). */
export interface Probe {
  /** The k layers, each 0 to n_layer, whose features are concatenated in this order. */
  layers: readonly number[];
  norm: FeatureNorm;
  /** Class names [C]. */
  labels: readonly string[];
  /** [C, k x n_embd], out x in */
  weight: Float32Array;
  /** [C] */
  bias: Float32Array;
}

const layersSchema = longList(z.int().nonnegative()).refine((layers) => layers.length > 0);
const normSchema = z.enum(featureNorms);
const labelsSchema = longList(z.string()).refine((labels) => labels.length > 0);

/** How much of a wrong list an error shows; it may have a thousand items. */
const shownCharacters = 60;

/** 1,000 classes on five layers of iGPT-XL take 61 MB. The limit bounds the memory for a wrong file. */
const maxProbeBytes = 1_000_000_000;

/**
 * Reads probe.safetensors into memory: it is small compared to the model.
 *
 * @throws CheckpointError `probe_invalid`, and the errors of {@link readSafetensorsHeader}
 */
export async function readProbe(path: string, config: Pick<ImageGptConfig, 'n_embd' | 'n_layer'>): Promise<Probe> {
  const { tensors, metadata, fileBytes } = await readSafetensorsHeader(path);
  const layers = metadataValue(metadata, 'layers', layersSchema, 'layer numbers, 0 or above');
  const { norm: normText } = metadata;
  const norm = normSchema.safeParse(normText);
  if (!norm.success) {
    throw invalid(`metadata norm is ${JSON.stringify(normText)}; expected ${featureNorms.join(' or ')}`);
  }
  const labels = metadataValue(metadata, 'labels', labelsSchema, 'class names');
  const tooHigh = layers.find((layer) => layer > config.n_layer);
  if (tooHigh !== undefined) {
    throw invalid(`it uses layer ${tooHigh}; expected layers 0 to ${config.n_layer}, as the model has`);
  }
  if (fileBytes > maxProbeBytes) {
    throw invalid(`it has ${fileBytes} bytes; expected at most ${maxProbeBytes}`);
  }
  const other = [...tensors.keys()].find((name) => name !== 'weight' && name !== 'bias');
  if (other !== undefined) {
    throw invalid(`it holds tensor ${other}; expected only weight and bias`);
  }
  const file = await readRegularFile(path);
  return {
    layers,
    norm: norm.data,
    labels,
    weight: readTensor(file, tensors.get('weight'), 'weight', [labels.length, layers.length * config.n_embd]),
    bias: readTensor(file, tensors.get('bias'), 'bias', [labels.length]),
  };
}

/** Writes probe.safetensors whole or not at all, with what it was trained on. */
export async function writeProbe(path: string, probe: Probe, records: readonly TrainedOn[] = []): Promise<void> {
  const classes = probe.labels.length;
  await writeSafetensors(
    path,
    [
      { name: 'weight', shape: [classes, probe.weight.length / classes], data: probe.weight },
      { name: 'bias', shape: [classes], data: probe.bias },
    ],
    {
      format: 'pt',
      layers: JSON.stringify(probe.layers),
      norm: probe.norm,
      labels: JSON.stringify(probe.labels),
      ...trainedOnMetadata(records),
    },
  );
}

function readTensor(
  file: Buffer,
  tensor: SafetensorsTensor | undefined,
  name: string,
  shape: readonly number[],
): Float32Array {
  if (tensor === undefined) {
    throw invalid(`tensor ${name} is missing`);
  }
  if (tensor.dtype !== 'F32' || tensor.shape.join() !== shape.join()) {
    throw invalid(
      `tensor ${name} is ${tensor.dtype} [${tensor.shape.join(', ')}]; expected F32 [${shape.join(', ')}] for its layers and labels`,
    );
  }
  const bytes = file.subarray(tensor.offset, tensor.offset + tensor.length);
  const values = new Float32Array(tensor.length / 4);
  if (endianness() === 'LE') {
    new Uint8Array(values.buffer).set(bytes);
  } else {
    for (let i = 0; i < values.length; i++) {
      values[i] = bytes.readFloatLE(4 * i);
    }
  }
  return values;
}

/** Parses metadata that holds a JSON list; `items` names its elements in the error. */
function metadataValue<T>(
  metadata: Readonly<Record<string, string>>,
  key: string,
  schema: z.ZodType<T>,
  items: string,
): T {
  const text = metadata[key] ?? '';
  const excess = excessOf(text);
  if (excess !== undefined) {
    throw invalid(`metadata ${key} has ${excess}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(`metadata ${key} is missing or not JSON`, cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    throw invalid(`metadata ${key} is ${text.slice(0, shownCharacters)}; expected a JSON list of one or more ${items}`);
  }
  return parsed.data;
}

function invalid(found: string, cause?: unknown): CheckpointError {
  return new CheckpointError('probe_invalid', `probe.safetensors cannot be used: ${found}.`, { cause });
}
