import { Command, Option } from 'commander';
import { shardKey } from '../../contracts/job.ts';
import { type DecodingSettings, openDecoder } from '../../decode/decoder-pool.ts';
import { writePng } from '../../decode/encode.ts';
import { createQuantizer } from '../../image-gpt/quantizer.ts';
import { jobDecoding, openJobModel } from '../../jobs/job-model.ts';
import { openStore } from '../../jobs/job-source.ts';
import { createNearestRows } from '../../jobs/nearest-rows.ts';
import { openJob } from '../../jobs/open-job.ts';
import { parquetShards } from '../../jobs/parquet/shard-file.ts';
import { openStored } from '../../jobs/shard.ts';
import { checkOutputPath, writeOutputFile } from '../../local/output-file.ts';
import { onePicture, pictureName } from '../../local/picture-files.ts';
import { UsageError } from '../../ports/error.ts';
import { similarSheet } from '../../report/similar-sheet.ts';
import { examples, samplePictures } from '../invocation.ts';
import { addDecoderOptions, type DecoderOptions } from '../options/decode-option.ts';
import { modelOption, openNamedCheckpoint } from '../options/model-option.ts';
import { integer } from '../options/number-option.ts';
import { pictureArgument } from '../options/picture-argument.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { table } from '../terminal/table.ts';
import { printable } from '../terminal/text.ts';

interface SimilarOptions extends DecoderOptions {
  in: string;
  number: number;
  model: string;
  sheet?: string;
  force: boolean;
  json: boolean;
}

export function similarCommand(): Command {
  const command = new Command('similar')
    .description(
      'Finds the pictures of a job (igpt batch) whose features are nearest to those of a picture, by cosine. It is an exact search over all shards.',
    )
    .addArgument(pictureArgument('<file>', 'any picture, in the job or not'))
    .requiredOption('--in <dst>', 'directory or s3://bucket/prefix of a job with features')
    .addOption(
      new Option('-k, --number <k>', 'pictures to find').default(10).argParser(integer({ min: 1, max: 10_000 })),
    )
    .addOption(modelOption())
    .option('--sheet <sheet.png>', 'draw the picture and the pictures found')
    .option('--force', 'overwrite the sheet', false)
    .option('--json', 'one JSON object per line instead of a table', false);
  return addDecoderOptions(command)
    .addHelpText(
      'after',
      examples(
        `similar ${samplePictures('animals/cat.jpg')} --in shards -k 5`,
        'similar photo.jpg --in s3://results/2026 --model igpt-s --sheet near.png',
      ),
    )
    .action((file: string, options: SimilarOptions) => similar(file, options));
}

async function similar(file: string, options: SimilarOptions): Promise<void> {
  const { sheet, force, json, number } = options;
  if (sheet !== undefined) checkOutputPath('--sheet', sheet, ['.png'], force);
  const { output, job } = await openJob(options.in, { readOnly: true });
  const { settings } = job;
  if (!settings.model_options.outputs.includes('features')) {
    throw new UsageError(
      `--in ${options.in}: expected a job with features, but it has ${settings.model_options.outputs.join(', ')}; run a job with --outputs features`,
    );
  }
  using bar = progressBar('shards');
  const decoding = { ...jobDecoding(settings), size: 1, timeoutMs: options.decodeTimeout * 1000 };
  const query = await featuresOf(file, { job, options, decoding });
  const nearest = createNearestRows(query.features, number);
  for (const shard of job.shards.keys()) {
    const { opened } = await openStored({ output, job, format: parquetShards }, shard);
    await nearest.add(opened);
    bar.update(shard + 1, job.shards.length, shardKey(shard));
  }
  bar.stop();

  const found = nearest.nearest();
  const lines = found.map(({ key, similarity, label }, i) => ({ rank: i + 1, key, similarity, label }));
  if (json) {
    for (const line of lines) await writeOut(`${JSON.stringify(line)}\n`);
  } else {
    const rows = lines.map(({ rank, key, similarity, label }) => {
      return [`${rank}.`, similarity.toFixed(4), printable(key), printable(label ?? '')];
    });
    await writeOut(
      table(
        [
          { title: '', align: 'right' },
          { title: 'similarity', align: 'right' },
          { title: 'picture' },
          { title: 'label' },
        ],
        rows,
      ),
    );
  }
  process.stderr.write(`${found.length} of ${nearest.compared()} pictures with features\n`);
  if (sheet === undefined) return;
  const store = await openStore(settings.store);
  const keys = found.map(({ key }) => key);
  const drawn = await similarSheet({ query: query.bytes, store, keys, decoding });
  await writeOutputFile(sheet, force, await writePng(drawn.rgb, drawn.width, drawn.height));
  const gone =
    drawn.missing.length === 0
      ? ''
      : `; left white, because the picture is gone: ${drawn.missing.map(printable).join(', ')}`;
  process.stderr.write(
    `${printable(sheet)}: ${printable(pictureName(file))}, then similar pictures, best first${gone}\n`,
  );
}

interface Query {
  job: Awaited<ReturnType<typeof openJob>>['job'];
  options: SimilarOptions;
  decoding: DecodingSettings;
}

/** The file and its features [d], computed by the job's model. */
async function featuresOf(
  file: string,
  { job, options, decoding }: Query,
): Promise<{ bytes: Uint8Array; features: Float32Array }> {
  const checkpoint = await openNamedCheckpoint(options.model);
  await using model = await openJobModel(checkpoint, job.settings, { model: options.model, workers: 1 });
  await using decoder = openDecoder(model.preprocessing, decoding);
  const quantize = createQuantizer(model.preprocessing.palette);
  const limits = { maxBytes: decoding.maxBytes, largerAdvice: 'that is the limit of the job' };
  return await onePicture(file, limits, async (bytes) => {
    const { features = new Float32Array() } = await model.predict(quantize((await decoder.decode(bytes)).rgb));
    return { bytes, features };
  });
}
