import { App } from 'aws-cdk-lib';
import { DeploymentConfigError, readDeploymentConfig } from '../lib/contracts/deployment-settings.ts';
import { ImageGptStack } from './image-gpt-stack.ts';

// Settings come from `cdk deploy -c name=value`; lib/contracts/deployment-settings.ts lists them.

const app = new App();
try {
  new ImageGptStack(app, readDeploymentConfig(app.node.getAllContext()));
  app.synth();
} catch (error) {
  if (!(error instanceof DeploymentConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
