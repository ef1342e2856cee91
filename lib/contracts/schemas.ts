import { z } from 'zod';
import { pipelineEvent } from './event.ts';
import { outcome } from './outcome.ts';
import { tokensMessage } from './tokens-message.ts';
import { uploadsMessage } from './uploads-message.ts';

/** JSON Schemas (draft 2020-12) of the published contracts, by file name in `schemas/`. */
export function jsonSchemas(): Record<string, unknown> {
  return {
    'event.json': z.toJSONSchema(pipelineEvent),
    'outcome.json': z.toJSONSchema(outcome),
    'tokens-message.json': z.toJSONSchema(tokensMessage),
    'uploads-message.json': z.toJSONSchema(uploadsMessage),
  };
}
