import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { DeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import type { ModelLocation } from './model-location.ts';
import * as may from './permissions.ts';
import type { Queues } from './queues.ts';
import type { Results } from './results.ts';
import type { Storage } from './storage.ts';

export interface SharedEnvironmentProps {
  config: DeploymentConfig;
  storage: Storage;
  queues: Queues;
  results: Results;
  model: ModelLocation;
  /** Namespace of their metrics in CloudWatch. */
  namespace: string;
}

/** Environment variables (see lib/contracts/environment.ts) and permissions that preprocess and worker share. */
export function sharedEnvironment({ config, storage, queues, results, model, namespace }: SharedEnvironmentProps): {
  environment: Record<string, string>;
  permissions: PolicyStatement[];
} {
  const { input, output } = storage;
  return {
    environment: {
      INPUT_BUCKET: input.bucketName,
      OUTPUT_BUCKET: output.bucketName,
      UPLOADS_QUEUE_URL: queues.uploads.queueUrl,
      TOKENS_QUEUE_URL: queues.tokens.queueUrl,
      RESULTS_TOPIC_ARN: results.topic.topicArn,
      MODEL_LOCATION: model.location,
      MODEL_ID: model.modelId,
      SCALED_DECODING: String(config.scaledDecoding),
      POWERTOOLS_METRICS_NAMESPACE: namespace,
      ...telemetryOff,
    },
    permissions: [
      ...may.readPictures(input, config.inputKmsKey),
      ...may.writeOutcomes(output, config.outputKmsKey),
      ...may.readModel(model),
      may.publish(results.topic),
    ],
  };
}

/** Without this variable onnxruntime sends telemetry to Microsoft (see lib/runtime/telemetry-off.ts). */
export const telemetryOff = { ORT_DISABLE_TELEMETRY: '1' };
