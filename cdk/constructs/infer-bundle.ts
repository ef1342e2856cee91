import { basename, join } from 'node:path';
import type { NodejsFunctionProps } from 'aws-cdk-lib/aws-lambda-nodejs';
import { checkpointBytes, checkpointFiles } from '../model.ts';
import { repository } from '../repository.ts';
import { functionBundle } from './function-bundle.ts';
import type { ModelLocation } from './model-location.ts';

/** Largest checkpoint that lies in the bundle (bytes). Lambda takes 250 MB unzipped, of which onnxruntime is 46 MB. */
const maxBundledBytes = 100e6;

export interface InferBundle {
  /** The function's code, for a NodejsFunction. */
  code: NodejsFunctionProps;
  /** Value of MODEL_LOCATION: a folder of the bundle, or the model's place on S3. */
  modelLocation: string;
}

type BundledModel = Pick<ModelLocation, 'directory' | 'prefix' | 'location'>;

/** The bundle of the inference function: its handler and thread, onnxruntime's library, and the model if it is small. */
export function inferBundle({ directory, prefix, location }: BundledModel): InferBundle {
  const bundled = directory !== undefined && checkpointBytes(directory) <= maxBundledBytes;
  // The last part must be the name of the id: a checkpoint without a name takes that of its directory.
  const folder = `model/${basename(prefix)}`;
  const model = bundled
    ? checkpointFiles(directory).map(({ name }) => [`${folder}/${name}`, join(directory, name)])
    : [];
  return {
    code: functionBundle({
      // On arm64 onnxruntime ends the process: it reads the CPU from files that Lambda hides (microsoft/onnxruntime#10038).
      architecture: 'x86_64',
      handler: 'functions/infer/handler.ts',
      programs: ['lib/runtime/model-thread.ts'],
      external: Object.keys(onnxruntime),
      copies: { ...onnxruntimeFiles(), ...Object.fromEntries(model) },
    }),
    modelLocation: bundled ? `./${folder}` : location,
  };
}

/** What the function needs of onnxruntime's packages. npm brings the libraries of all systems, and perhaps CUDA's provider. */
const onnxruntime: Readonly<Record<string, readonly string[]>> = {
  'onnxruntime-node': [
    'package.json',
    ...['index', 'backend', 'binding', 'version'].map((name) => `dist/${name}.js`),
    ...['libonnxruntime.so.1', 'onnxruntime_binding.node'].map((name) => `bin/napi-v6/linux/x64/${name}`),
  ],
  'onnxruntime-common': ['package.json', 'dist/cjs'],
};

/** Path in the bundle -> source. */
function onnxruntimeFiles(): Record<string, string> {
  const paths = Object.entries(onnxruntime).flatMap(([name, files]) =>
    files.map((file) => `node_modules/${name}/${file}`),
  );
  return Object.fromEntries(paths.map((path) => [path, join(repository, path)]));
}
