/**
 * List prices of AWS in us-east-1 (USD), without taxes, discounts and free tiers. Other regions cost up to a third more.
 * The prices belong to the pages in `sources`, but were not read there: the table was written without access to AWS. Only
 * g5.xlarge, Fargate and SNS were checked, against third-party texts of March to June 2026. All estimates use this
 * table. Prices of GPU instances are in lib/contracts/instances.ts.
 */
export const prices = {
  region: 'us-east-1',
  /** Year and month of the table. */
  asOf: '2026-06',
  sources: [
    'Amazon S3 pricing',
    'AWS Lambda pricing',
    'Amazon SQS pricing',
    'Amazon SNS pricing',
    'Amazon EC2 On-Demand pricing',
    'Amazon EBS pricing',
    'Amazon VPC pricing (public IPv4 addresses)',
    'AWS Fargate pricing',
    'Amazon ECR pricing',
    'Amazon CloudWatch pricing',
  ],
  s3: {
    /** PUT, COPY, POST or LIST. */
    put: 0.005 / 1000,
    /** GET or HEAD. */
    get: 0.0004 / 1000,
    /** S3 Standard, first 50 TB. */
    gbMonth: 0.023,
  },
  lambda: {
    request: 0.2 / 1e6,
    /** arm64, first 7.5 billion GB-seconds. */
    gbSecond: 0.0000133334,
    /** x86-64, first 6 billion GB-seconds. */
    gbSecondX86: 0.0000166667,
  },
  sqs: {
    /** Standard queue; each 64 KiB of a request is billed as one request. */
    request: 0.4 / 1e6,
    /** Free per account and month, without an end date. */
    freeRequests: 1e6,
  },
  sns: {
    /** Standard topic. A PublishBatch of up to 64 KiB is one request; deliveries to SQS are free. */
    request: 0.5 / 1e6,
  },
  /** gp3. */
  ebsGbMonth: 0.08,
  /** A public IPv4 address. */
  publicIpv4Hour: 0.005,
  /** Linux on x86-64. */
  fargate: { vcpuHour: 0.04048, gbHour: 0.004445 },
  ecrGbMonth: 0.1,
  cloudWatch: {
    logsGb: 0.5,
    /** A custom metric, billed for the hours in which it has data. */
    metricMonth: 0.3,
    alarmMetricMonth: 0.1,
    /** Free per account and month, without an end date. */
    freeAlarmMetrics: 10,
  },
} as const;

/** Hours per month in AWS's price lists. */
export const hoursInMonth = 730;
