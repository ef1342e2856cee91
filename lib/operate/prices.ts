/**
 * List prices of AWS in us-east-1, USD, without taxes, discounts and free tiers; other regions cost up to a third more.
 * They are those of the pages that `sources` names, but were not fetched from there: this was written without access to
 * AWS, and checked only in part (g5.xlarge, Fargate, SNS) against others' texts of March to June 2026. Every estimate of
 * this project reads this table, so a new price is written here; prices of instances are in lib/contracts/instances.ts.
 */
export const prices = {
  region: 'us-east-1',
  /** When the table was written down, year and month. */
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
  },
  sqs: {
    /** Standard queue; each 64 KiB of a request counts as one. */
    request: 0.4 / 1e6,
    /** Of every account, each month, for good. */
    freeRequests: 1e6,
  },
  sns: {
    /** Standard topic; a PublishBatch of up to 64 KiB is one, and deliveries to SQS cost nothing here. */
    request: 0.5 / 1e6,
  },
  /** gp3. */
  ebsGbMonth: 0.08,
  /** A public address, while it is held. */
  publicIpv4Hour: 0.005,
  /** Linux on x86-64. */
  fargate: { vcpuHour: 0.04048, gbHour: 0.004445 },
  ecrGbMonth: 0.1,
  cloudWatch: {
    logsGb: 0.5,
    /** A metric of our own, by the hour in which it has data. */
    metricMonth: 0.3,
    alarmMetricMonth: 0.1,
    /** Of every account, each month, for good. */
    freeAlarmMetrics: 10,
  },
} as const;

/** Hours of a month, as AWS's price lists count. */
export const hoursInMonth = 730;
