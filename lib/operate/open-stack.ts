import type { DeployedStack } from './deployed-stack.ts';

/** How a user names a deployed stack. */
export interface StackOptions {
  stack: string;
  /** Default: AWS_REGION, or the profile's region. */
  region?: string | undefined;
}

/** Makes every AWS client of this process use `region`; undefined changes nothing. */
export function useRegion(region: string | undefined): void {
  if (region !== undefined) Object.assign(process.env, { AWS_REGION: region });
}

/**
 * Finds the stack that `--stack` and `--region` name. Loads the AWS SDK only now, because loading it slows the start
 * of a verb that does not need it.
 *
 * @throws {StackError} when the stack is missing, unfinished or not one of ours
 * @throws {CommandError} when AWS does not answer: no credentials, region, network or permission
 */
export async function openStack({ stack, region }: StackOptions): Promise<DeployedStack> {
  useRegion(region);
  const [{ readDeployedStack }, { createCloudFormationClient }] = await Promise.all([
    import('./deployed-stack.ts'),
    import('./clients.ts'),
  ]);
  return readDeployedStack(createCloudFormationClient(), stack);
}
