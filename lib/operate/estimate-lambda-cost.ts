import { deliveryMessages } from '../contracts/delivery.ts';
import { readDeploymentConfig } from '../contracts/deployment-settings.ts';
import { functionModelOf, picturesPerMessage, vcpuMegabytes } from '../contracts/infer-function.ts';
import { type CostLine, costLine, type PicturesQuestion, pipelineLines, storageLines, sum } from './estimate-cost.ts';
import { prices } from './prices.ts';
import { picturesPerSecond } from './throughput.ts';

export interface LambdaCostQuestion extends PicturesQuestion {
  /** Numbers in the weights. */
  parameters: number;
  /** Size of the weights (bytes). */
  bytes: number;
}

export interface LambdaCostEstimate {
  lines: CostLine[];
  /** Throughput of one function (pictures/s). */
  picturesPerSecond: number;
  /** Functions at once. */
  tasks: number;
  /** Pictures in a tokens message. */
  perMessage: number;
  /** From the first upload to the last outcome (hours). */
  hours: number;
  /** Sum of the lines (USD). */
  usd: { lambda: number };
  /** Per month, until the objects are deleted. */
  storage: CostLine[];
}

/** Memory (MB) and number of the functions. */
const { inferMemory, inferConcurrency } = readDeploymentConfig({ compute: 'lambda' });

export const lambdaMemory = inferMemory;

/** A function's share of the processor grows with its memory, so the memory hardly changes what a picture costs. */
export const lambdaVcpus = inferMemory / vcpuMegabytes;

/** Requests to the tokens queue for each message at most: it is sent, received, held and deleted by itself. */
const messageRequests = 4;

/**
 * Billed time without computing (seconds), assumed. `invocation`: requests to S3, SNS and SQS, one after the other.
 * `start`: Node, onnxruntime and the model, and a second for every `startBytes` of weights from S3.
 */
export const lambdaOverhead = { invocation: 0.2, start: 2, startBytes: 75e6 };

/** What it costs to send `pictures` through a stack with `compute=lambda`, without free tiers. */
export function estimateLambdaCost(question: LambdaCostQuestion): LambdaCostEstimate {
  const { pictures, gflop, parameters, bytes, utilisation, fill } = question;
  const { request, gbSecondX86 } = prices.lambda;
  const fitting = picturesPerMessage(functionModelOf({ gflop, parameters, bytes }, 'f32'), inferMemory);
  // Preprocess sends a message for each of its deliveries, which have no batching window.
  const perMessage = Math.max(Math.min(fill, deliveryMessages, fitting), 1);
  const messages = Math.ceil(pictures / perMessage);
  const rate = picturesPerSecond({ kind: 'lambda', vcpus: lambdaVcpus }, gflop, utilisation);
  const tasks = Math.min(messages, inferConcurrency);
  const startSeconds = lambdaOverhead.start + bytes / lambdaOverhead.startBytes;
  // At most an invocation for each message.
  const seconds = pictures / rate + messages * lambdaOverhead.invocation + tasks * startSeconds;
  const hours = seconds / tasks / 3600;
  const invocationPictures = deliveryMessages;
  const lines = [
    ...pipelineLines(question, { invocationPictures, tokensRequests: messages * messageRequests, hours }),
    costLine('infer', 'invocations of infer', messages, 'requests', request),
    costLine('infer', 'time of infer', (seconds * inferMemory) / 1024, 'GB-seconds', gbSecondX86),
  ];
  return {
    lines,
    picturesPerSecond: rate,
    tasks,
    perMessage,
    hours,
    usd: { lambda: sum(lines) },
    storage: storageLines(question),
  };
}
