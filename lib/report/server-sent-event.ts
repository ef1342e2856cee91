/** What a page's EventSource hears. */
export interface ServerSentEvent {
  /** Name of the event, without line breaks. */
  event: string;
  data: string;
  /** What a page that comes back names as the last that it heard; without line breaks. */
  id?: string;
}

/** A server-sent event as it goes over the wire (WHATWG HTML, "Server-sent events"). */
export function serverSentEvent({ event, data, id }: ServerSentEvent): string {
  const lines = [
    `event: ${event}`,
    ...(id === undefined ? [] : [`id: ${id}`]),
    // Each of the three line breaks ends a field.
    ...data.split(/\r\n|\r|\n/).map((line) => `data: ${line}`),
  ];
  return `${lines.join('\n')}\n\n`;
}
