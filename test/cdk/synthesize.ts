import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { z } from 'zod';
import { ImageGptStack } from '../../cdk/image-gpt-stack.ts';
import { readDeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import { resourceName } from '../support/resource-name.ts';

const root = join(import.meta.dirname, '../..');
const cdkJson = z.object({ context: z.record(z.string(), z.unknown()) });
const { context: flags } = cdkJson.parse(JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8')));

/** A checkpoint of a few KB, with a given id, so that no weights are hashed. */
const small = { model: 'test/fixtures/golden/hf16', modelId: 'hf16-0123456789ab' };

export interface Synthesis {
  app: App;
  stack: ImageGptStack;
}

/**
 * The app with the settings of cdk.json and `context`, not yet synthesised. The functions are not bundled, which would
 * take seconds and the npm registry.
 */
export function imageGptApp(context: Readonly<Record<string, unknown>> = {}): Synthesis {
  const app = new App({ context: { ...flags, ...small, ...context, 'aws:cdk:bundling-stacks': [] } });
  return { app, stack: new ImageGptStack(app, readDeploymentConfig(app.node.getAllContext())) };
}

const templates = new Map<string, Template>();

/** The template of {@link imageGptApp}; synthesised once for each context. */
export function imageGptTemplate(context: Readonly<Record<string, unknown>> = {}): Template {
  const key = JSON.stringify(context);
  const template = templates.get(key) ?? Template.fromStack(imageGptApp(context).stack);
  templates.set(key, template);
  return template;
}

/** The only resource of `type`, or the one named `name`: see resourceName. */
export function resource(template: Template, type: string, name?: string): { id: string; properties: Properties } {
  const found = Object.entries(template.findResources(type)).filter(
    ([id]) => name === undefined || resourceName(id) === name,
  );
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new RangeError(`Expected one ${type} ${name ?? ''}, found ${found.length}.`);
  }
  const [id, { Properties: properties }] = first;
  return { id, properties };
}

// biome-ignore lint/suspicious/noExplicitAny: templates have no types, and expect() checks the values.
export type Properties = any;
