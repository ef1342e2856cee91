import { realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ImageGptWeights } from '../graph/weights.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import type { Preprocessing } from '../ports/model.ts';
import { readConfigFile } from './config-file.ts';
import { CheckpointError } from './error.ts';
import { readPreprocessorFile } from './preprocessor-file.ts';
import { type Probe, readProbe } from './probe.ts';
import { statFile } from './stat-file.ts';
import { readWeightFiles } from './weight-files.ts';
import { weightsByRole } from './weights-by-role.ts';

/** An iGPT on disk, checked: what it says of itself agrees with the weights it holds. */
export interface Checkpoint {
  /** The directory as it was given. */
  directory: string;
  /** Name for people and for object keys: letters, digits, `.`, `_` and `-`. */
  name: string;
  config: ImageGptConfig;
  weights: ImageGptWeights;
  /** Base names of the weight files inside `weights.directory`. */
  weightFiles: readonly string[];
  /** All weight files together, bytes. */
  weightBytes: number;
  /** Absent when the directory has no preprocessor_config.json: then the model takes tokens, not pictures. */
  preprocessing?: Preprocessing;
  /** Class names of the probe, or of score.weight where there is no probe; none without a class head. */
  labels: readonly string[];
  /** Goes before `weights.score`. */
  probe?: Probe;
}

/** What turns pictures into tokens for a checkpoint, read without its weights. */
export interface TokenizerFiles {
  config: ImageGptConfig;
  preprocessing: Preprocessing | undefined;
}

/**
 * Opens a checkpoint directory: Hugging Face ImageGPT, or OpenAI's tensor names in safetensors. Reads the JSON files
 * and the headers of the weights, never the weights themselves.
 *
 * @throws CheckpointError one clear error for whatever is missing, damaged, or would make our graph wrong
 */
export async function openCheckpoint(directory: string): Promise<Checkpoint> {
  await refuseUnlessDirectory(directory);
  const { config, crop, labels, classes, name } = await readConfigFile(join(directory, 'config.json'));
  const preprocessing = await readPreprocessorFile(join(directory, 'preprocessor_config.json'), config, crop);
  const files = await readWeightFiles(directory);
  const weights = weightsByRole(files, config);
  const scoreLabels = labelsOfScore(weights.score?.shape[0], labels, classes);
  const probePath = join(directory, 'probe.safetensors');
  const probe =
    (await statFile(probePath, 'probe_invalid')) === undefined ? undefined : await readProbe(probePath, config);
  return {
    directory,
    name: checkpointName(name, await realpath(directory)),
    config,
    weights,
    weightFiles: files.files,
    weightBytes: files.bytes,
    ...(preprocessing === undefined ? {} : { preprocessing }),
    labels: probe?.labels ?? scoreLabels,
    ...(probe === undefined ? {} : { probe }),
  };
}

/**
 * Reads only what turns pictures into tokens: config.json and preprocessor_config.json.
 *
 * @throws CheckpointError
 */
export async function openTokenizerFiles(directory: string): Promise<TokenizerFiles> {
  await refuseUnlessDirectory(directory);
  const { config, crop } = await readConfigFile(join(directory, 'config.json'));
  return {
    config,
    preprocessing: await readPreprocessorFile(join(directory, 'preprocessor_config.json'), config, crop),
  };
}

async function refuseUnlessDirectory(directory: string): Promise<void> {
  const found = await stat(directory).catch((cause: unknown) => {
    throw new CheckpointError('checkpoint_missing', `There is no checkpoint directory at ${directory}.`, { cause });
  });
  if (!found.isDirectory()) {
    throw new CheckpointError(
      'checkpoint_missing',
      `${basename(directory)} is a file; expected the checkpoint's directory, the one with config.json.`,
    );
  }
}

function labelsOfScore(
  scoreClasses: number | undefined,
  labels: readonly string[] | undefined,
  classes: number | undefined,
): readonly string[] {
  if (scoreClasses === undefined) {
    return [];
  }
  const expected = labels?.length ?? classes ?? scoreClasses;
  if (expected !== scoreClasses) {
    throw new CheckpointError(
      'labels_mismatch',
      `config.json names ${expected} classes; the class head in the weights has ${scoreClasses}.`,
    );
  }
  // transformers gives these names to classes without one.
  return labels ?? Array.from({ length: scoreClasses }, (_, i) => `LABEL_${i}`);
}

/** Long names help nobody in an object key, which has 1,024 bytes for everything. */
const maxLength = 64;

/**
 * Name of a checkpoint, safe as a segment of an object key or a path: the base of `_name_or_path` in config.json, else
 * the model's name from a hub cache's folder (models--org--name/snapshots/commit), else the directory's base name.
 */
export function checkpointName(nameOrPath: string | undefined, directory: string): string {
  const hub = /[/\\]models--(?:[^/\\]*--)?([^/\\]+?)[/\\]snapshots[/\\][^/\\]+[/\\]*$/.exec(directory)?.[1];
  for (const candidate of [nameOrPath, hub, directory]) {
    const safe = safeSegment(basename((candidate ?? '').replaceAll('\\', '/')));
    if (safe !== '') {
      return safe;
    }
  }
  return 'model';
}

function safeSegment(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, maxLength)
    .replace(/[.-]+$/, '');
}
