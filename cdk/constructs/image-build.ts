import { createHash } from 'node:crypto';
import {
  ArnFormat,
  CfnWaitCondition,
  CfnWaitConditionHandle,
  Duration,
  type IgnoreMode,
  RemovalPolicy,
  Stack,
  Validations,
} from 'aws-cdk-lib';
import { BuildSpec, ComputeType, LinuxBuildImage, Project, Source } from 'aws-cdk-lib/aws-codebuild';
import { Repository, TagMutability } from 'aws-cdk-lib/aws-ecr';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId } from 'aws-cdk-lib/custom-resources';
import { Construct, type IDependable } from 'constructs';
import { acknowledgeManagedFunction, acknowledgeWildcards } from './acknowledge.ts';
import { logGroup } from './log-group.ts';
import { allow } from './permissions.ts';
import { telemetryOff } from './shared-environment.ts';

export interface ImageBuildProps {
  source: { directory: string; exclude: string[]; ignoreMode: IgnoreMode };
  dockerfile: string;
  target: string;
  buildArgs: Readonly<Record<string, string>>;
  logRetentionDays: number;
}

/** Longest build. Base image, packages and CUDA libraries are a download of about 1.5 GB. */
const buildTimeout = Duration.minutes(60);

/**
 * Builds an image with CodeBuild, so that the deploying machine needs no Docker. The deployment starts the build and
 * waits until the build reports how it ended.
 */
export class ImageBuild extends Construct {
  readonly repository: Repository;
  /** The target, and a hash of source and arguments. */
  readonly tag: string;
  readonly done: IDependable;
  private readonly log: LogGroup;

  constructor(scope: Construct, id: string, props: ImageBuildProps) {
    super(scope, id);
    this.log = logGroup(this, 'Log', props.logRetentionDays);
    const source = new Asset(this, 'Source', { ...props.source, path: props.source.directory });
    const hash = createHash('sha256').update(JSON.stringify([source.assetHash, props.buildArgs]));
    this.tag = `${props.target}-${hash.digest('hex').slice(0, 32)}`;
    this.repository = new Repository(this, 'Repository', {
      removalPolicy: RemovalPolicy.DESTROY,
      emptyOnDelete: true,
      imageScanOnPush: true,
      imageTagMutability: TagMutability.IMMUTABLE,
      // The first rule keeps the deployed image, whose tag no other image has: what a rule selects, no later rule expires.
      // Source: Amazon ECR User Guide, "How lifecycle policies work". While a deployment is rolled back, its image is one
      // of the others, so these are many more than the failed deployments that anybody makes in a row.
      lifecycleRules: [
        { rulePriority: 1, description: 'the deployed image', tagPrefixList: [this.tag], maxImageCount: 1 },
        { rulePriority: 2, description: 'earlier images, to roll back to', maxImageCount: 10 },
      ],
    });
    const project = new Project(this, 'Project', {
      description: 'Image GPT: builds the worker’s image',
      source: Source.s3({ bucket: source.bucket, path: source.s3ObjectKey }),
      environment: { buildImage: LinuxBuildImage.STANDARD_7_0, computeType: ComputeType.MEDIUM, privileged: true },
      timeout: buildTimeout,
      grantReportGroupPermissions: false,
      buildSpec: BuildSpec.fromObject(buildSpec(props, this.repository.repositoryUri)),
      logging: { cloudWatch: { logGroup: this.log } },
    });
    this.repository.grantPullPush(project);
    Validations.of(project).acknowledge({
      id: 'AwsSolutions-CB4',
      reason: 'The project has no artifacts; the image is stored in the repository, which is encrypted.',
    });
    const ownLog = Stack.of(this).formatArn({
      service: 'logs',
      resource: 'log-group',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      resourceName: `/aws/codebuild/${project.projectName}:*`,
    });
    acknowledgeWildcards(
      project,
      [allow(['s3:GetBucket*', 's3:GetObject*', 's3:List*'], ['*', ownLog])],
      'CDK grants these to read the source and write the log; GetAuthorizationToken takes no resource.',
    );
    this.done = this.start(project);
  }

  private start(project: Project): IDependable {
    // A wait condition works only once, so each image has its own.
    const name = this.tag.replaceAll('-', '');
    const handle = new CfnWaitConditionHandle(this, `Handle${name}`);
    const environmentVariablesOverride = [
      { name: 'IMAGE_TAG', value: this.tag },
      { name: 'WAIT_URL', value: handle.ref },
    ];
    const start = {
      service: 'CodeBuild',
      action: 'startBuild',
      parameters: { projectName: project.projectName, environmentVariablesOverride },
      physicalResourceId: PhysicalResourceId.of(this.tag),
      outputPaths: ['build.id'],
    };
    const starting = new AwsCustomResource(this, 'Start', {
      onCreate: start,
      onUpdate: start,
      policy: AwsCustomResourcePolicy.fromStatements([allow(['codebuild:StartBuild'], [project.projectArn])]),
      installLatestAwsSdk: false,
      logGroup: this.log,
    });
    // Depends on the policies, too: a build that starts before them cannot read its source.
    starting.node.addDependency(project);
    for (const child of Stack.of(this).node.children) {
      if (!/^AWS[0-9a-f]{32}$/.test(child.node.id)) continue;
      acknowledgeManagedFunction(child);
    }
    const done = new CfnWaitCondition(this, `Done${name}`, {
      handle: handle.ref,
      timeout: String(buildTimeout.toSeconds()),
      count: 1,
    });
    done.node.addDependency(starting);
    return done;
  }
}

function buildSpec({ dockerfile, target, buildArgs }: ImageBuildProps, repositoryUri: string) {
  const args = Object.entries(buildArgs).map(([name, value]) => `--build-arg ${name}=${value} `);
  const image = `${repositoryUri}:$IMAGE_TAG`;
  return {
    version: '0.2',
    // Each attestation would count as an image in the repository.
    env: { variables: { DOCKER_BUILDKIT: '1', BUILDX_NO_DEFAULT_ATTESTATIONS: '1', ...telemetryOff } },
    phases: {
      build: {
        // An existing tag is not built again. All commands are in the build phase: after a failure in an earlier phase
        // CodeBuild would skip post_build, which reports the result.
        commands: [
          `aws ecr get-login-password | docker login --username AWS --password-stdin "$(echo ${repositoryUri} | cut -d/ -f1)"`,
          `docker manifest inspect ${image} > /dev/null || docker build --file ${dockerfile} --target ${target} ${args.join('')}--tag ${image} .`,
          `docker manifest inspect ${image} > /dev/null || docker push ${image}`,
        ],
      },
      post_build: {
        commands: [
          'if [ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ]; then STATUS=SUCCESS; else STATUS=FAILURE; fi',
          `curl --silent --show-error --request PUT --header "Content-Type:" --data "{\\"Status\\":\\"$STATUS\\",\\"UniqueId\\":\\"build\\",\\"Reason\\":\\"$CODEBUILD_BUILD_ID\\",\\"Data\\":\\"$IMAGE_TAG\\"}" "$WAIT_URL"`,
        ],
      },
    },
  };
}
