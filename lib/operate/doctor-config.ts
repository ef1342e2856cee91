import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { deploymentSettings, fitConcurrency } from '../contracts/deployment-settings.ts';
import { defaultInstanceTypesIn } from '../contracts/instances.ts';
import { repositoryRoot } from '../local/repository.ts';
import { UsageError } from '../ports/error.ts';

/** Settings of the deployment that the machine or the account must satisfy. */
const settings = deploymentSettings
  .pick({
    compute: true,
    maxTasks: true,
    batch: true,
    batchTasks: true,
    training: true,
    preprocessConcurrency: true,
    backfillConcurrency: true,
    inferConcurrency: true,
    inferReserved: true,
    inferMemory: true,
    instanceTypes: true,
    imageBuild: true,
    model: true,
    outputs: true,
    featureLayer: true,
    input: true,
    precision: true,
    outputBucket: true,
    outputKmsKey: true,
  })
  .strip();

export type DoctorConfig = z.output<typeof settings>;

export type DoctorContext = Readonly<Record<string, unknown>>;

/**
 * Reads the settings. `given` overrides cdk.json's context. Other settings are ignored.
 *
 * @param region where the default instance types must be had (default: anywhere)
 * @throws {UsageError} naming every invalid setting
 */
export function doctorConfig(given: DoctorContext, cdkContext: DoctorContext, region?: string): DoctorConfig {
  const all = { ...cdkContext, ...given };
  const parsed = settings.safeParse(all);
  if (parsed.success) {
    const config = 'preprocessConcurrency' in all ? parsed.data : fitConcurrency(parsed.data);
    const { instanceTypes } = config;
    const fitting = 'instanceTypes' in all ? instanceTypes : defaultInstanceTypesIn(region);
    // Where the region has none, the check says which it lacks.
    return { ...config, instanceTypes: fitting.length === 0 ? instanceTypes : fitting };
  }
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new UsageError(`--context: ${faults.join('; ')}`, { cause: parsed.error });
}

/** The `context` of this package's cdk.json. */
export function readCdkContext(): DoctorContext {
  const file = join(repositoryRoot, 'cdk.json');
  const { context } = z
    .object({ context: z.record(z.string(), z.unknown()) })
    .parse(JSON.parse(readFileSync(file, 'utf8')));
  return context;
}
