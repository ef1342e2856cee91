import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeBadFiles, writePictures } from '../cli/picture-folder.ts';
import { outcomesIn } from '../cli/run-output.ts';
import { trainedState, writeTokens } from '../cli/training-run.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../support/tiny-checkpoint.ts';

/** A command that is killed and started again. */
export interface KilledCommand {
  name: string;
  /** Arguments for an output folder. */
  args: (out: string) => readonly string[];
  /** What the output must hold in the end, however often the command was killed: equal bytes, no times. */
  contents: (out: string) => Promise<Record<string, string>>;
  /** What a killed command has made, with its times: a second run must not make it again. */
  kept?: (out: string) => Promise<Record<string, string>>;
  /** Whether several may work on one output. */
  isShared?: boolean;
}

/** Number of pictures, besides four bad ones. */
const pictures = 80;

const steps = 60;

/** Longer than the start of the command: a file of 40 MB. */
const largeModel: TinyCheckpointOptions = { n_layer: 12, n_embd: 256, n_head: 4 };

/** The commands. Writes their inputs into `folder`, in which they run. */
export async function killedCommands(folder: string): Promise<readonly KilledCommand[]> {
  await writePictures(join(folder, 'pictures'), pictures);
  writeBadFiles(join(folder, 'pictures'));
  writeTokens(folder);
  for (const [name, options] of Object.entries({ model: {}, large: largeModel })) {
    await using tiny = await tinyCheckpoint(options);
    await cp(tiny.directory, join(folder, name), { recursive: true });
  }
  const training = `--data x.npy --steps ${steps} --batch 8 --warmup 5 --clip 1 --lr 1e-2 --validation-share 0.2 --save-every 7 --eval-every 10 --seed 3 --threads 1`;
  return [
    {
      name: 'run',
      args: (out) => ['run', 'pictures', '--out', out, '--workers', '1', '--decoders', '2'],
      contents: async (out) => outcomes(out, ({ mtimeMs: _, created_at: __, ...rest }) => rest),
      kept: async (out) => outcomes(out, (outcome) => outcome),
    },
    {
      name: 'batch run',
      args: (out) => ['batch', 'run', 'pictures', '--out', out, '--shard-size', '3'],
      contents: (out) => filesOf(out, (name) => /\.(parquet|jsonl?)$|_SUCCESS$/.test(name) && name !== '_summary.json'),
      isShared: true,
    },
    {
      name: 'train',
      args: (out) => ['train', '--objective', 'ar', '--model', 'model', '--out', out, ...training.split(' ')],
      contents: async (out) => trainedState(out, steps),
    },
    {
      name: 'import',
      args: (out) => ['import', 'large', '--out', out, '--force'],
      contents: (out) => filesOf(out, () => true),
    },
  ];
}

type Stored = ReturnType<typeof outcomesIn> extends Map<string, infer T> ? T : never;

function outcomes(out: string, part: (outcome: Stored) => unknown): Record<string, string> {
  return Object.fromEntries(
    Array.from(outcomesIn(out))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, outcome]) => [key, JSON.stringify(part(outcome))]),
  );
}

async function filesOf(out: string, isStable: (name: string) => boolean): Promise<Record<string, string>> {
  const entries = await readdir(out, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(out.length + 1))
    .filter(isStable)
    .toSorted();
  const contents = await Promise.all(names.map((name) => readFile(join(out, name), 'base64')));
  return Object.fromEntries(names.map((name, i) => [name, contents[i] ?? '']));
}
