import { basename, join } from 'node:path';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type NodejsFunctionProps, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { repository } from '../repository.ts';

export interface FunctionBundle {
  architecture: 'arm64' | 'x86_64';
  /** Source of the handler, from the repository's root. */
  handler: string;
  /**
   * Sources of threads and child processes, from the repository's root. Each becomes a module beside the handler, which
   * starts it from there (lib/files/module-beside.ts).
   */
  programs: readonly string[];
  /** Packages with binaries, which npm installs for Lambda's system. */
  packages?: readonly string[];
  /** Packages that are not bundled: `copies` brings their files. */
  external?: readonly string[];
  /** Files and folders to copy: path in the bundle -> source. */
  copies?: Readonly<Record<string, string>>;
}

/** Defines `require`, which CommonJS parts of the SDK and of Powertools call. */
const banner = "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);";

/** Bundles a function as ES modules, on any machine: what a NodejsFunction needs to know about its code. */
export function functionBundle(bundle: FunctionBundle): NodejsFunctionProps {
  const { packages = [], external = [], copies = {} } = bundle;
  const [cpu, architecture] =
    bundle.architecture === 'arm64' ? ['arm64', Architecture.ARM_64] : ['x64', Architecture.X86_64];
  return {
    runtime: Runtime.NODEJS_24_X,
    architecture,
    // A variable for version 2 of the SDK.
    awsSdkConnectionReuse: false,
    entry: join(repository, bundle.handler),
    handler: 'handler',
    projectRoot: repository,
    depsLockFilePath: join(repository, 'package-lock.json'),
    bundling: {
      format: OutputFormat.ESM,
      target: 'node24',
      minify: true,
      keepNames: true,
      banner,
      // The pinned version, instead of the one that Lambda provides.
      bundleAwsSDK: true,
      ...(packages.length > 0 && { nodeModules: [...packages] }),
      externalModules: [...external],
      environment: { npm_config_cpu: cpu, npm_config_os: 'linux', npm_config_libc: 'glibc' },
      commandHooks: {
        beforeBundling: () => [],
        beforeInstall: () => [],
        afterBundling: (input, output) => [
          ...bundle.programs.map((program) => bundleProgram(program, [...packages, ...external], input, output)),
          ...copyFiles(copies, input, output),
        ],
      },
    },
  };
}

/** A command that bundles a program as the handler is bundled. */
function bundleProgram(program: string, external: readonly string[], input: string, output: string): string {
  return [
    `"${join(input, 'node_modules/.bin/esbuild')}" "${join(input, program)}"`,
    '--bundle --platform=node --format=esm --target=node24 --minify --keep-names',
    ...external.map((name) => `--external:${name}`),
    `--banner:js="${banner}" --log-level=warning --outfile="${join(output, basename(program, '.ts'))}.mjs"`,
  ].join(' ');
}

function copyFiles(copies: Readonly<Record<string, string>>, input: string, output: string): string[] {
  const pairs = Object.entries(copies).flatMap(([to, from]) => [from, to]);
  if (pairs.length === 0) return [];
  const script = join(input, 'cdk/copy-files.ts');
  return [[process.execPath, script, output, ...pairs].map((text) => `"${text}"`).join(' ')];
}
