import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

export interface StorageProps {
  /** Name of an existing bucket with the pictures. Default: a new one. */
  inputBucket?: string | undefined;
  /** Name of an existing bucket for the outcomes. Default: a new one. */
  outputBucket?: string | undefined;
}

/**
 * The bucket that pictures are put into and the one that outcomes appear in. Both outlive the stack: a later one takes
 * them up again by name.
 */
export class Storage extends Construct {
  readonly input: IBucket;
  readonly output: IBucket;

  constructor(scope: Construct, id: string, { inputBucket, outputBucket }: StorageProps) {
    super(scope, id);
    this.input = dataBucket(this, 'Input', inputBucket);
    this.output = dataBucket(this, 'Output', outputBucket);
  }
}

function dataBucket(scope: Construct, id: string, existing: string | undefined): IBucket {
  if (existing !== undefined) return Bucket.fromBucketName(scope, id, existing);
  const bucket = new Bucket(scope, id, {
    encryption: BucketEncryption.S3_MANAGED,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    removalPolicy: RemovalPolicy.RETAIN,
    // Parts of an upload that was given up are invisible and billed.
    lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(7) }],
  });
  // The bucket that stays must not lose its refusal of plain HTTP.
  bucket.policy?.applyRemovalPolicy(RemovalPolicy.RETAIN);
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason:
      'Access logs need a third bucket that grows with every picture; CloudTrail data events say the same on demand.',
  });
  // CDK declares the class without regard to exactOptionalPropertyTypes.
  return bucket as IBucket;
}
