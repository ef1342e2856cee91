import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { UsageError } from '../usage-error.ts';

/** Default instance types of the deployment, which `cdk/deployment-config.ts` explains. */
const instanceTypes = ['g6.xlarge', 'g5.xlarge', 'g4dn.xlarge'];

function whole(min: number, max: number) {
  const words = `expected a whole number from ${min} to ${max}`;
  return z.coerce.number(words).int(words).min(min, words).max(max, words);
}

/** The settings of a deployment that a machine or an account must be able to follow; names and defaults are those of `cdk deploy -c`. */
const settings = z.object({
  compute: z.enum(['gpu', 'cpu'], 'expected gpu or cpu').default('gpu'),
  maxTasks: whole(1, 20).default(4),
  batch: z
    .union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')], 'expected true or false')
    .default(false),
  batchTasks: whole(1, 1000).default(4),
  preprocessConcurrency: whole(2, 1000).default(50),
  backfillConcurrency: whole(2, 1000).default(2),
  instanceTypes: z
    .union([z.string().transform((text) => text.split(',').map((type) => type.trim())), z.array(z.string())])
    .default(instanceTypes),
  imageBuild: z.enum(['docker', 'codebuild'], 'expected docker or codebuild').default('docker'),
  model: z.string().min(1).default('lib/models/igpt-nano'),
});

export type DoctorConfig = z.output<typeof settings>;

export type DoctorContext = Readonly<Record<string, unknown>>;

/** Parser of `-c name=value`, as often as given. */
export function contextEntry(text: string, before: DoctorContext = {}): DoctorContext {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('expected name=value');
  return { ...before, [name]: value };
}

/** `given` goes before cdk.json's context; settings that need nothing of machine or account are left out. */
export function doctorConfig(given: DoctorContext, cdkContext: DoctorContext): DoctorConfig {
  const parsed = settings.safeParse({ ...cdkContext, ...given });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new UsageError(`--context: ${faults.join('; ')}`, { cause: parsed.error });
}

/** The context of the repository's cdk.json. */
export function readCdkContext(): DoctorContext {
  const file = join(import.meta.dirname, '..', '..', '..', 'cdk.json');
  const { context } = z
    .object({ context: z.record(z.string(), z.unknown()) })
    .parse(JSON.parse(readFileSync(file, 'utf8')));
  return context;
}
