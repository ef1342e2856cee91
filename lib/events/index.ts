export { MessageError } from '../contracts/message-text.ts';
export { UsageError } from '../ports/error.ts';
export { type ConsumeOptions, consume } from './consume.ts';
export type { EventHandlers } from './handlers.ts';
export { lambdaHandler } from './lambda-handler.ts';
export { type BatchEvent, type Event, type OtherEvent, parseEvent, type ResultEvent } from './parse-event.ts';
