import { realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ImageGptWeights } from '../graph/weights.ts';
import { distinctNames } from '../image-gpt/class-names.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import type { ClassFunction, Preprocessing } from '../ports/model.ts';
import { classReading } from './class-function.ts';
import { readConfigFile } from './config-file.ts';
import { CheckpointError } from './error.ts';
import { hasFile } from './open-file.ts';
import { readPreprocessorFile } from './preprocessor-file.ts';
import { type Probe, readProbe } from './probe.ts';
import { readWeightFiles } from './weight-files.ts';
import { weightsByRole } from './weights-by-role.ts';

/** An opened iGPT checkpoint. Its JSON files and its weights have been checked against each other. */
export interface Checkpoint {
  /** The path that the caller gave. */
  directory: string;
  /** Used in messages and object keys: letters, digits, `.`, `_` and `-`. */
  name: string;
  config: ImageGptConfig;
  /** Why the class head reads `config.input`; undefined without files. */
  inputReason?: string | undefined;
  weights: ImageGptWeights;
  /** Base names of the weight files inside `weights.directory`. */
  weightFiles: readonly string[];
  /** Size of all weight files (bytes). */
  weightBytes: number;
  /** Undefined without preprocessor_config.json: the model then takes tokens, not pictures. */
  preprocessing?: Preprocessing | undefined;
  /** Class names of the probe, else of score.weight, each of them once; empty without a class head. */
  labels: readonly string[];
  /** Class names of score.weight, each of them once; empty without it. */
  scoreLabels: readonly string[];
  /** Used instead of `weights.score`. */
  probe?: Probe | undefined;
  /** How the class logits become probabilities. */
  classFunction: ClassFunction;
  /** Why the logits of the class head are no classes. Undefined if they are, and without a class head. */
  noClasses?: string | undefined;
  /** Keys of config.json that neither transformers nor we read. */
  unknownKeys: readonly string[];
}

/** The files that say how pictures become tokens. */
export interface TokenizerFiles {
  config: ImageGptConfig;
  preprocessing: Preprocessing | undefined;
}

/**
 * Opens a checkpoint directory with Hugging Face's or OpenAI's tensor names. Reads the JSON files and the headers of
 * the weight files, not the weights.
 *
 * @throws CheckpointError if anything is missing, damaged or unsupported
 */
export async function openCheckpoint(directory: string): Promise<Checkpoint> {
  await requireDirectory(directory);
  const { config, inputReason, crop, labels, classes, problem, name, unknownKeys } = await readConfigFile(
    join(directory, 'config.json'),
  );
  const preprocessing = await readPreprocessorFile(join(directory, 'preprocessor_config.json'), config, crop);
  const files = await readWeightFiles(directory);
  const weights = weightsByRole(files, config);
  const scoreLabels = labelsOfScore(weights.score?.shape[0], labels, classes);
  const probePath = join(directory, 'probe.safetensors');
  const probe = (await hasFile(probePath, 'probe_invalid')) ? await readProbe(probePath, config) : undefined;
  // igpt probe fits probes by softmax, whatever the config says about score.weight.
  const reading = classReading(probe === undefined ? problem : undefined, (probe?.labels ?? scoreLabels).length);
  return {
    directory,
    name: checkpointName(name, await realpath(directory)),
    config,
    inputReason,
    weights,
    weightFiles: files.files,
    weightBytes: files.bytes,
    preprocessing,
    labels: probe === undefined ? scoreLabels : distinctNames(probe.labels),
    scoreLabels,
    probe,
    classFunction: 'function' in reading ? reading.function : 'softmax',
    noClasses: 'refused' in reading ? reading.refused : undefined,
    unknownKeys,
  };
}

/**
 * Reads config.json and preprocessor_config.json, without the weights.
 *
 * @throws CheckpointError
 */
export async function openTokenizerFiles(directory: string): Promise<TokenizerFiles> {
  await requireDirectory(directory);
  const { config, crop } = await readConfigFile(join(directory, 'config.json'));
  return {
    config,
    preprocessing: await readPreprocessorFile(join(directory, 'preprocessor_config.json'), config, crop),
  };
}

async function requireDirectory(directory: string): Promise<void> {
  const found = await stat(directory).catch((cause: unknown) => {
    throw new CheckpointError('checkpoint_missing', `${directory} does not exist; expected a checkpoint directory.`, {
      cause,
    });
  });
  if (!found.isDirectory()) {
    throw new CheckpointError(
      'checkpoint_missing',
      `${basename(directory)} is a file; expected the directory that holds config.json.`,
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
      `config.json has ${expected} classes; expected ${scoreClasses}, as the class head in the weights has.`,
    );
  }
  // The names that transformers gives to unnamed classes.
  return distinctNames(labels ?? Array.from({ length: scoreClasses }, (_, i) => `LABEL_${i}`));
}

/** An S3 key has at most 1,024 bytes; the name is a small part of it. */
const maxLength = 64;

/**
 * Name of a checkpoint, safe as a segment of an object key or path. Taken from `_name_or_path` in config.json, else from
 * a hub cache's folder (models--org--name/snapshots/commit), else from the directory's base name.
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
