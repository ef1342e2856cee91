import { describe, expect, test } from 'vitest';
import { inferTimeoutSeconds, workerVisibilitySeconds } from '../../lib/contracts/delivery.ts';
import { imageGptTemplate, type Properties, resource } from './synthesize.ts';

const kinds = ['gpu', 'cpu', 'lambda'];
const pairs = kinds.flatMap((from) => kinds.filter((to) => to !== from).map((to) => ({ from, to })));

/** Types of resources that tasks run on, or that start and end them. */
const computes = /^AWS::(ECS|AutoScaling|ApplicationAutoScaling|Batch|ECR)::|^AWS::EC2::LaunchTemplate$/;

/** What an inference function consists of. */
const isInfer = (id: string): boolean => id.startsWith('LambdaInfer');

/**
 * What both kinds share and a change may update: preprocess, which wakes the new service, what watches or stops it, and
 * CDK's function for calls during a deployment, which moves to the log of the new build.
 */
const mayChange = /^(Preprocess|Backfill|Alarms|Overview|CostBrake|DailyLimit|AWS679f53fac002430cb0da5b7982bd2287)/;

/** Resources with state: their ids never change. */
const stateful = ['AWS::S3::Bucket', 'AWS::SQS::Queue', 'AWS::SNS::Topic'];

function resources(compute: string, context: Readonly<Record<string, unknown>>): Record<string, Properties> {
  const { Resources } = imageGptTemplate({ ...context, compute }).toJSON();
  return Resources;
}

describe.each([
  ['alone', {}],
  ['with data-set jobs', { batch: true }],
  ['with a daily limit', { maxUsdPerDay: 5 }],
  ['with an image from CodeBuild', { imageBuild: 'codebuild' }],
])('a deployed stack %s', (_, context) => {
  // Synthesised before the tests, whose time is limited.
  for (const kind of kinds) resources(kind, context);

  test.each(pairs)('can change from $from to $to: nothing of $from is updated in place', ({ from, to }) => {
    const before = resources(from, context);
    const after = resources(to, context);
    const kept = Object.keys(before).filter((id) => id in after);
    const changed = kept.filter((id) => JSON.stringify(before[id]) !== JSON.stringify(after[id]));

    expect(kept.filter((id) => computes.test(before[id].Type) || isInfer(id))).toEqual([]);
    expect(changed.filter((id) => !mayChange.test(id))).toEqual([]);
    expect(changed.filter((id) => before[id].Type !== after[id].Type)).toEqual([]);
  });

  test.each(pairs)('keeps what the old tasks use, from $from to $to, unchanged until they are gone', ({ from, to }) => {
    const before = resources(from, context);
    const after = resources(to, context);
    const old = Object.entries(before).filter(([id]) => !(id in after));
    const used = Object.keys(before).filter(
      (id) => id in after && !mayChange.test(id) && JSON.stringify(old).includes(`"${id}"`),
    );

    expect(used.length).toBeGreaterThan(4);
    for (const id of used) expect(after[id], id).toEqual(before[id]);
  });
});

test.each(pairs)('buckets, queues and topics keep their ids from $from to $to', ({ from, to }) => {
  const ids = (compute: string) =>
    Object.entries(resources(compute, {}))
      .filter(([, { Type }]) => stateful.includes(Type))
      .map(([id]) => id);

  expect(ids(to)).toEqual(ids(from));
});

test.each(kinds)('the tokens queue hides messages for six timeouts of the function, with %s too', (compute) => {
  const { VisibilityTimeout } = resource(imageGptTemplate({ compute }), 'AWS::SQS::Queue', 'QueuesTokens').properties;

  // Lambda refuses a mapping whose function may take longer.
  expect(VisibilityTimeout).toBe(6 * inferTimeoutSeconds);
});

test.each(['gpu', 'cpu'])(
  'a worker on %s receives with a visibility of its own: its messages come back soon',
  (compute) => {
    const [container] = resource(imageGptTemplate({ compute }), 'AWS::ECS::TaskDefinition').properties
      .ContainerDefinitions;

    expect(container.Environment).toContainEqual({
      Name: 'VISIBILITY_SECONDS',
      Value: String(workerVisibilitySeconds),
    });
  },
);
