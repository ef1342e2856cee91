import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { type InferBundle, inferBundle } from '../../cdk/constructs/infer-bundle.ts';

/**
 * Bundles the inference function as a deployment does. Returns the bundle's folder and its MODEL_LOCATION.
 *
 * @param outdir a folder for the app that CDK synthesises
 */
export function bundleInfer(
  outdir: string,
  model: Parameters<typeof inferBundle>[0],
): { folder: string } & Pick<InferBundle, 'modelLocation'> {
  const { code, modelLocation } = inferBundle(model);
  const app = new App({ outdir });
  new NodejsFunction(new Stack(app, 'Bundle'), 'Infer', { ...code, runtime: Runtime.NODEJS_24_X });
  app.synth();
  const folder = readdirSync(outdir)
    .map((name) => join(outdir, name))
    .find((name) => existsSync(join(name, 'index.mjs')));
  if (folder === undefined) throw new Error(`Expected a bundle in ${outdir}, found none.`);
  return { folder, modelLocation };
}
