import { z } from 'zod';

// Strict: a property that the template gets later, and that this proof does not know, is an error here.

const environment = z.array(z.strictObject({ Name: z.string(), Value: z.unknown() }));

/** A container as an ECS task definition describes it. */
const taskContainer = z.strictObject({
  Name: z.string(),
  Image: z.unknown(),
  Essential: z.literal(true),
  Environment: environment,
  User: z.string(),
  Privileged: z.literal(false),
  ReadonlyRootFilesystem: z.boolean(),
  LinuxParameters: z.strictObject({
    Capabilities: z.strictObject({ Drop: z.array(z.string()).optional() }),
    InitProcessEnabled: z.boolean(),
  }),
  MountPoints: z.array(
    z.strictObject({ ContainerPath: z.string(), SourceVolume: z.string(), ReadOnly: z.literal(false) }),
  ),
  StopTimeout: z.number(),
  LogConfiguration: z.unknown(),
  // On an instance; MiB. podman here has no GPU to give.
  Memory: z.number().optional(),
  ResourceRequirements: z.tuple([z.strictObject({ Type: z.literal('GPU'), Value: z.string() })]).optional(),
});

const task = z.object({
  ContainerDefinitions: z.tuple([taskContainer]),
  // On Fargate. Units: 1024 a vCPU.
  Cpu: z.string().optional(),
  // On Fargate; MiB.
  Memory: z.string().optional(),
});

/** A container as a job definition of AWS Batch describes it. */
const job = z.object({
  ContainerProperties: z.strictObject({
    Command: z.array(z.string()),
    Environment: environment,
    Image: z.unknown(),
    User: z.string(),
    ReadonlyRootFilesystem: z.boolean(),
    ResourceRequirements: z.array(z.strictObject({ Type: z.enum(['MEMORY', 'VCPU']), Value: z.string() })),
    // Of Fargate and IAM; podman has nothing like them.
    EphemeralStorage: z.unknown(),
    ExecutionRoleArn: z.unknown(),
    FargatePlatformConfiguration: z.unknown(),
    JobRoleArn: z.unknown(),
    LogConfiguration: z.unknown(),
    NetworkConfiguration: z.unknown(),
    RuntimePlatform: z.unknown(),
  }),
});

export interface PodmanContainer {
  /** Name of the image that is built here. */
  image: string;
  /** Options of `podman run`, without environment and network. */
  options: string[];
  /** Default: the image's. */
  command: string[];
  /** Values are the template's, with references. */
  environment: Record<string, unknown>;
}

/** The container of a task definition (`AWS::ECS::TaskDefinition`). `volume` is a name for its volumes. */
export function taskToPodman(properties: unknown, volume: string): PodmanContainer {
  const { ContainerDefinitions: containers, Cpu: cpu, Memory: taskMemory } = task.parse(properties);
  const [container] = containers;
  const memory = container.Memory ?? Number(taskMemory);
  const { InitProcessEnabled: init, Capabilities: capabilities } = container.LinuxParameters;
  const mounts = container.MountPoints.map(
    ({ ContainerPath: path, SourceVolume: source }) => `--volume=${volume}-${source}:${path}`,
  );
  return {
    image: imageOf(container.Image),
    command: [],
    environment: variables(container.Environment),
    options: [
      ...confined(container.User, container.ReadonlyRootFilesystem),
      ...limits(memory, cpu === undefined ? undefined : Number(cpu) / 1024),
      ...(init ? ['--init'] : []),
      ...(capabilities.Drop ?? []).map((name) => `--cap-drop=${name.toLowerCase()}`),
      ...mounts,
      `--stop-timeout=${container.StopTimeout}`,
    ],
  };
}

/** The container of a job definition (`AWS::Batch::JobDefinition`). It has only the image's volumes. */
export function jobToPodman(properties: unknown): PodmanContainer {
  const { ContainerProperties: container } = job.parse(properties);
  const needed = (type: 'MEMORY' | 'VCPU'): string =>
    container.ResourceRequirements.find(({ Type }) => Type === type)?.Value ?? '';
  return {
    image: imageOf(container.Image),
    command: container.Command,
    environment: variables(container.Environment),
    options: [
      ...confined(container.User, container.ReadonlyRootFilesystem),
      ...limits(Number(needed('MEMORY')), Number(needed('VCPU'))),
    ],
  };
}

/**
 * Rights of a container. podman would mount writable folders over a read-only root; ECS does not. No capabilities and no
 * new privileges is stricter than ECS, and what security checks ask for.
 */
function confined(user: string, readOnly: boolean): string[] {
  const root = readOnly ? ['--read-only', '--read-only-tmpfs=false'] : [];
  return [`--user=${user}`, '--cap-drop=all', '--security-opt=no-new-privileges', ...root];
}

function limits(memoryMib: number, vcpus: number | undefined): string[] {
  return [`--memory=${memoryMib}m`, ...(vcpus === undefined ? [] : [`--cpus=${vcpus}`])];
}

function variables(pairs: z.output<typeof environment>): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ Name, Value }) => [Name, Value]));
}

/** The image whose address ends with the hash of its asset. */
function imageOf(address: unknown): string {
  const [, hash] = /:([0-9a-f]{64})"\}$/.exec(JSON.stringify(address)) ?? [];
  if (hash !== undefined) return imageName(hash);
  throw new RangeError(`Expected the address of an image asset, received ${JSON.stringify(address)}.`);
}

/** Name of the image that is built from the asset with this hash. */
export function imageName(hash: string): string {
  return `localhost/${hash}`;
}
