import { type CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DescribeInstanceTypeOfferingsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  type ServiceQuotasClient,
} from '@aws-sdk/client-service-quotas';
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import { awsErrorName } from '../aws/aws-error.ts';
import { commandError } from './command-error.ts';

/** Whom the credentials belong to. */
export interface Identity {
  /** Twelve digits. */
  account: string;
  /** The user or role. */
  arn: string;
  region: string;
}

/** @throws {CommandError} when credentials, region or network are missing, or AWS refuses the credentials */
export async function readIdentity(client: STSClient): Promise<Identity> {
  try {
    const region = await client.config.region();
    const { Account: account = '', Arn: arn = '' } = await client.send(new GetCallerIdentityCommand({}));
    return { account, arn, region };
  } catch (error) {
    throw commandError('read the identity of the credentials', error);
  }
}

/** The stack that `cdk bootstrap` creates. */
const toolkitStack = 'CDKToolkit';

export interface Bootstrap {
  /** Version of the bootstrap template. */
  version: number;
  /** CloudFormation's status. */
  status: string;
}

/**
 * Undefined: the account was never bootstrapped in this region.
 *
 * @throws {CommandError} when the stack cannot be read
 */
export async function readBootstrap(client: CloudFormationClient): Promise<Bootstrap | undefined> {
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: toolkitStack }));
    if (stack === undefined) return undefined;
    const output = stack.Outputs?.find(({ OutputKey: key }) => key === 'BootstrapVersion');
    return { version: Number(output?.OutputValue ?? 0), status: stack.StackStatus ?? '' };
  } catch (error) {
    if (awsErrorName(error) === 'ValidationError') return undefined;
    throw commandError(`read the stack ${toolkitStack}`, error);
  }
}

/** A quota in Service Quotas. */
export interface QuotaName {
  service: string;
  code: string;
  title: string;
}

// Source: Amazon EC2 User Guide, "Amazon EC2 instance type quotas"; Amazon ECS Developer Guide, "Service quotas".
export const gpuSpotQuota = { service: 'ec2', code: 'L-3819A6DF', title: 'All G and VT Spot Instance Requests' };
export const gpuOnDemandQuota = { service: 'ec2', code: 'L-DB2E81BA', title: 'Running On-Demand G and VT instances' };
export const fargateSpotQuota = { service: 'fargate', code: 'L-36FBB829', title: 'Fargate Spot vCPU resource count' };

// A new account has less than the default of 1,000. Source: AWS Lambda Developer Guide, "Lambda quotas".
export const lambdaQuota = { service: 'lambda', code: 'L-B99A9384', title: 'Concurrent executions' };

// Of the size that cdk/constructs/image-build.ts uses. New accounts have had 1 or even 0. Source: AWS CodeBuild User Guide,
// "Quotas" ("internal metrics will determine the default quotas").
export const codeBuildQuota = {
  service: 'codebuild',
  code: 'L-2DC20C30',
  title: 'Concurrently running builds for Linux/Medium environment',
};

/**
 * Which of these instance types the client's region has, in any availability zone.
 *
 * @throws {CommandError} when the offerings cannot be read
 */
export async function readOfferedTypes(client: EC2Client, types: readonly string[]): Promise<string[]> {
  try {
    const Filters = [{ Name: 'instance-type', Values: [...types] }];
    const { InstanceTypeOfferings: offerings = [] } = await client.send(
      new DescribeInstanceTypeOfferingsCommand({ LocationType: 'region', Filters }),
    );
    return offerings.flatMap(({ InstanceType: type }) => type ?? []);
  } catch (error) {
    throw commandError('read the instance types of the region', error);
  }
}

/**
 * Value of a quota (vCPUs, builds, or concurrent functions): the account's own, else AWS's default.
 *
 * @throws {CommandError} when the quota cannot be read
 */
export async function readQuota(client: ServiceQuotasClient, { service, code, title }: QuotaName): Promise<number> {
  const input = { ServiceCode: service, QuotaCode: code };
  try {
    const { Quota: quota } = await client.send(new GetServiceQuotaCommand(input)).catch((error: unknown) => {
      if (awsErrorName(error) !== 'NoSuchResourceException') throw error;
      return client.send(new GetAWSDefaultServiceQuotaCommand(input));
    });
    return quota?.Value ?? 0;
  } catch (error) {
    throw commandError(`read the quota “${title}”`, error);
  }
}
