/**
 * JSON text that SQS and SNS accept as it stands: they refuse U+FFFE and U+FFFF (SendMessage API reference,
 * "MessageBody"), which a key may hold and JSON.stringify does not escape.
 */
export function messageText(value: unknown): string {
  return JSON.stringify(value).replace(/[\ufffe\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}
