export { type BatchEvent, type PipelineEvent, pipelineEvent, type ResultEvent, type SummaryEvent } from './event.ts';
export { type FailedOutcome, type Outcome, outcome, parseOutcome, type SucceededOutcome } from './outcome.ts';
export { jsonSchemas } from './schemas.ts';
