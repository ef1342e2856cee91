import { Duration, Reference, RemovalPolicy, Tokenization, Validations } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { DeploymentConfigError } from '../../lib/contracts/deployment-settings.ts';

export interface StorageProps {
  /** Name of an existing bucket with pictures. Default: a new bucket. */
  inputBucket?: string | undefined;
  /** Name of an existing bucket for outcomes. Default: a new bucket. */
  outputBucket?: string | undefined;
}

/**
 * The input bucket for pictures, and the output bucket for outcomes. Both are kept when the stack is deleted; a later
 * stack can use them by name.
 */
export class Storage extends Construct {
  readonly input: IBucket;
  readonly output: IBucket;

  constructor(scope: Construct, id: string, { inputBucket, outputBucket }: StorageProps) {
    super(scope, id);
    refuseCircle(inputBucket, outputBucket);
    this.input = dataBucket(this, 'Input', inputBucket);
    this.output = dataBucket(this, 'Output', outputBucket);
  }
}

/**
 * The settings are checked already, as far as names are known. A program that builds the stack can also refer to a bucket
 * that has no name yet.
 */
function refuseCircle(input: string | undefined, output: string | undefined): void {
  const faults = [
    ...(input !== undefined && input === output ? ['outputBucket: expected another bucket than inputBucket'] : []),
    ...(refersToBucketOfStack(input, 'Output') ? ['inputBucket: expected no output bucket of a stack'] : []),
    ...(refersToBucketOfStack(output, 'Input') ? ['outputBucket: expected no input bucket of a stack'] : []),
  ];
  if (faults.length > 0) {
    throw new DeploymentConfigError(faults.map((fault) => `${fault}, or outcomes would be taken for pictures`));
  }
}

/** Whether a name is a reference to the bucket of this role that a stack makes here. */
function refersToBucketOfStack(name: string | undefined, role: 'Input' | 'Output'): boolean {
  const { tokens } = Tokenization.reverseString(name ?? '');
  return tokens.some(
    (token) => Reference.isReference(token) && token.target.node.path.endsWith(`/Storage/${role}/Resource`),
  );
}

function dataBucket(scope: Construct, id: string, existing: string | undefined): IBucket {
  if (existing !== undefined) return Bucket.fromBucketName(scope, id, existing);
  const bucket = new Bucket(scope, id, {
    encryption: BucketEncryption.S3_MANAGED,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    removalPolicy: RemovalPolicy.RETAIN,
    // Parts of an abandoned upload are invisible but billed.
    lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(7) }],
  });
  // The kept bucket must still refuse plain HTTP.
  bucket.policy?.applyRemovalPolicy(RemovalPolicy.RETAIN);
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason:
      'Access logs need a third bucket that grows with every picture; CloudTrail data events record the same when needed.',
  });
  // Under exactOptionalPropertyTypes, CDK's classes do not match their own interfaces.
  return bucket as IBucket;
}
