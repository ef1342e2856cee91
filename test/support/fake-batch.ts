import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BatchClient } from '@aws-sdk/client-batch';

// biome-ignore lint/suspicious/noExplicitAny: requests are JSON of any shape.
type Json = any;

/** A job, or a child of an array job, in the form of DescribeJobs and ListJobs. */
interface FakeJob {
  jobId: string;
  jobName: string;
  jobQueue: string;
  jobDefinition: string;
  status: string;
  createdAt: number;
  environment: Record<string, string>;
  /** Number of children; array jobs only. */
  size?: number;
  statusReason?: string;
  startedAt?: number;
  stoppedAt?: number;
  container?: { exitCode?: number; reason?: string };
}

/** The part of AWS Batch that the commands call. No job runs: the test sets the status of children. */
export interface FakeBatch extends AsyncDisposable {
  endpoint: string;
  /** A client of this fake; it is destroyed with it. */
  client: BatchClient;
  jobs: FakeJob[];
  /** Children of the array jobs (`id:index`), and plain jobs themselves (`id`). */
  children: FakeJob[];
  /** Environment of the only job definition. */
  definition: Record<string, string>;
  /** Description of the one compute environment. */
  environment: Json;
}

/** Serves the REST API of AWS Batch. Source: AWS Batch API Reference. */
export async function startFakeBatch(): Promise<FakeBatch> {
  const jobs: FakeJob[] = [];
  const children: FakeJob[] = [];
  const fake = {
    jobs,
    children,
    definition: {} as Record<string, string>,
    environment: { state: 'ENABLED', status: 'VALID', statusReason: 'ComputeEnvironment Healthy' } as Json,
  };
  const childrenOf = ({ jobId }: FakeJob) =>
    children.filter((child) => child.jobId === jobId || child.jobId.startsWith(`${jobId}:`));

  function summary(job: FakeJob): Json {
    const { environment: _, size, ...rest } = job;
    if (size === undefined) return rest;
    const statuses = childrenOf(job).map(({ status }) => status);
    const statusSummary: Record<string, number> = {};
    for (const status of statuses) statusSummary[status] = (statusSummary[status] ?? 0) + 1;
    const ended = statuses.every((status) => status === 'SUCCEEDED' || status === 'FAILED');
    const status = !ended ? 'PENDING' : statuses.includes('FAILED') ? 'FAILED' : 'SUCCEEDED';
    return { ...rest, status, arrayProperties: { size, statusSummary } };
  }

  const operations: Record<string, (body: Json) => Json> = {
    submitjob({ jobName, jobQueue, jobDefinition, containerOverrides, arrayProperties }) {
      const jobId = `job-${jobs.length + 1}`;
      const environment: Record<string, string> = {};
      for (const { name, value } of containerOverrides.environment) environment[name] = value;
      const about = { jobName, jobQueue, jobDefinition, environment, status: 'RUNNABLE', createdAt: Date.now() };
      const size: number | undefined = arrayProperties?.size;
      const job: FakeJob = { jobId, ...about, ...(size !== undefined && { size }) };
      jobs.push(job);
      if (size === undefined) children.push(job);
      for (let index = 0; index < (size ?? 0); index += 1) {
        const own = { ...environment, AWS_BATCH_JOB_ARRAY_INDEX: String(index) };
        children.push({ jobId: `${jobId}:${index}`, ...about, environment: own });
      }
      return { jobId, jobName };
    },
    listjobs({ filters: [filter] = [], arrayJobId, jobStatus }) {
      const listed =
        arrayJobId === undefined
          ? jobs.filter(({ jobName }) => jobName === filter?.values[0]).toReversed()
          : children.filter(({ jobId, status }) => jobId.startsWith(`${arrayJobId}:`) && status === jobStatus);
      return { jobSummaryList: listed.map(summary) };
    },
    describejobs: ({ jobs: ids }) => ({ jobs: jobs.filter(({ jobId }) => ids.includes(jobId)).map(summary) }),
    terminatejob({ jobId, reason }) {
      for (const child of jobs.filter((job) => job.jobId === jobId).flatMap(childrenOf)) {
        if (child.status !== 'SUCCEEDED') Object.assign(child, { status: 'FAILED', statusReason: reason });
      }
      return {};
    },
    describejobdefinitions() {
      const environment = Object.entries(fake.definition).map(([name, value]) => ({ name, value }));
      return { jobDefinitions: [{ jobDefinitionName: 'batch', containerProperties: { environment } }] };
    },
    describejobqueues: () => ({ jobQueues: [{ computeEnvironmentOrder: [{ order: 1, computeEnvironment: 'one' }] }] }),
    describecomputeenvironments: () => ({ computeEnvironments: [fake.environment] }),
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const answer = operations[request.url?.replace('/v1/', '') ?? ''];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer?.(JSON.parse(Buffer.concat(chunks).toString() || '{}')) ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const endpoint = `http://localhost:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new BatchClient({ endpoint, region: 'us-east-1', credentials });
  return Object.assign(fake, {
    endpoint,
    client,
    async [Symbol.asyncDispose]() {
      client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
