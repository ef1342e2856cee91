import { type CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  type ServiceQuotasClient,
} from '@aws-sdk/client-service-quotas';
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import { awsErrorName } from '../aws/aws-error.ts';
import { commandError } from './operator-error.ts';

/** Who the credentials are. */
export interface Identity {
  /** Twelve digits. */
  account: string;
  /** Of the user or role. */
  arn: string;
  region: string;
}

/** @throws {CommandError} no credentials, expired, refused, no region, no network */
export async function readIdentity(client: STSClient): Promise<Identity> {
  try {
    const region = await client.config.region();
    const { Account: account = '', Arn: arn = '' } = await client.send(new GetCallerIdentityCommand({}));
    return { account, arn, region };
  } catch (error) {
    throw commandError('ask AWS who you are', error);
  }
}

/** The stack that `cdk bootstrap` makes. */
const toolkitStack = 'CDKToolkit';

export interface Bootstrap {
  /** Of the bootstrap template. */
  version: number;
  /** CloudFormation's word. */
  status: string;
}

/** Undefined: the account was never bootstrapped in this region. @throws {CommandError} when CloudFormation does not tell */
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

/** A quota of Service Quotas. */
export interface QuotaName {
  service: string;
  code: string;
  title: string;
}

// Source: Amazon EC2 User Guide, "Amazon EC2 instance type quotas"; Amazon ECS Developer Guide, "Service quotas".
export const gpuSpotQuota = { service: 'ec2', code: 'L-3819A6DF', title: 'All G and VT Spot Instance Requests' };
export const gpuOnDemandQuota = { service: 'ec2', code: 'L-DB2E81BA', title: 'Running On-Demand G and VT instances' };
export const fargateSpotQuota = { service: 'fargate', code: 'L-36FBB829', title: 'Fargate Spot vCPU resource count' };

// Source: AWS Lambda Developer Guide, "Lambda quotas": a new account has fewer than the default of 1,000.
export const lambdaQuota = { service: 'lambda', code: 'L-B99A9384', title: 'Concurrent executions' };

/** vCPUs, or functions at once. Where the account has no value of its own, AWS's default holds. @throws {CommandError} when it is not told */
export async function readQuota(client: ServiceQuotasClient, { service, code, title }: QuotaName): Promise<number> {
  const about = { ServiceCode: service, QuotaCode: code };
  try {
    const { Quota: quota } = await client.send(new GetServiceQuotaCommand(about)).catch((error: unknown) => {
      if (awsErrorName(error) !== 'NoSuchResourceException') throw error;
      return client.send(new GetAWSDefaultServiceQuotaCommand(about));
    });
    return quota?.Value ?? 0;
  } catch (error) {
    throw commandError(`read the quota “${title}”`, error);
  }
}
