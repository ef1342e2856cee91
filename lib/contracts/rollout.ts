import { z } from 'zod';

// The custom resource that proves a new task definition and keeps the number of tasks: cdk/constructs/rollout.ts writes
// its properties, functions/rollout reads them. CloudFormation passes every number and flag as text.

/** Name of the worker's container in its task definition. */
export const workerContainer = 'worker';

const rolloutProperties = z.object({
  /** Name of the cluster. It runs no standalone tasks but proofs. */
  Cluster: z.string().min(1),
  /** ARN of the task definition that the services get. */
  TaskDefinition: z.string().min(1),
  /** Where the proof runs. */
  CapacityProvider: z.string().min(1),
  /** For a task with an address of its own (Fargate). */
  Subnets: z.array(z.string()).optional(),
  SecurityGroups: z.array(z.string()).optional(),
  /** Log group of the task. */
  LogGroup: z.string().min(1),
  /** Logical ids of the services. */
  Services: z.array(z.string()).min(1),
  /** `false`: only keep the number of tasks. */
  Prove: z.enum(['true', 'false']),
});

/** A proof: its task, or why there is none; when the resource is deleted, tasks that must have stopped. */
const proof = z.union([
  z.object({ task: z.string(), startedAt: z.iso.datetime() }),
  z.object({ stopping: z.array(z.string()) }),
  z.object({ unproved: z.string(), warning: z.boolean() }),
]);

export type Proof = z.infer<typeof proof>;

/**
 * What CDK's provider framework passes: a request of CloudFormation; later, with `Proof`, the question whether it is
 * complete.
 */
export const rolloutEvent = z.object({
  RequestType: z.enum(['Create', 'Update', 'Delete']),
  /** ARN of the stack. */
  StackId: z.string().min(1),
  ResourceProperties: rolloutProperties,
  OldResourceProperties: z.object({ TaskDefinition: z.string().optional() }).optional(),
  Proof: proof.optional(),
});

export type RolloutEvent = z.infer<typeof rolloutEvent>;
