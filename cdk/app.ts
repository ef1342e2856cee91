import { Annotations, App } from 'aws-cdk-lib';
import { DeploymentConfigError, readDeploymentConfig } from '../lib/contracts/deployment-settings.ts';
import { deploymentWarnings } from '../lib/contracts/deployment-warnings.ts';
import { ImageGptStack } from './image-gpt-stack.ts';

// Settings come from `cdk deploy -c name=value`; lib/contracts/deployment-settings.ts lists them.

const app = new App();
// The cdk command sets it to the region of the credentials.
const { CDK_DEFAULT_REGION: credentialsRegion } = process.env;
try {
  const context = app.node.getAllContext();
  const config = readDeploymentConfig(context, credentialsRegion);
  const { region = credentialsRegion } = config;
  const stack = new ImageGptStack(app, config);
  for (const { id, message } of deploymentWarnings(config, region, Object.keys(context))) {
    Annotations.of(stack).addWarningV2(id, message);
  }
  app.synth();
} catch (error) {
  if (!(error instanceof DeploymentConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
