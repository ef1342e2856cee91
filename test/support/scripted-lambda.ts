import type { Answer } from './scripted-aws.ts';

/** Lambda's answers about one function; {@link lambdaError} instead of a body is an error. A missing configuration: no such function. */
export interface LambdaAnswers {
  configuration?: object;
  concurrency?: object;
  mappings?: object;
}

const paths = {
  configuration: /\/2015-03-31\/functions\/[^/]+\/configuration$/,
  concurrency: /\/2019-09-30\/functions\/[^/]+\/concurrency$/,
  mappings: /\/2015-03-31\/event-source-mappings\?/,
} as const;

/** Answers the three requests about a function, in whatever order they arrive. */
export function scriptedFunction(answers: LambdaAnswers): Answer[] {
  const answerOne: Answer = (response, { url = '' }) => {
    const given = url.match(paths.configuration)
      ? answers.configuration
      : url.match(paths.concurrency)
        ? (answers.concurrency ?? {})
        : url.match(paths.mappings)
          ? (answers.mappings ?? { EventSourceMappings: [] })
          : undefined;
    const { status, headers, body } = answerOf(given);
    response.writeHead(status, headers).end(body);
  };
  return [answerOne, answerOne, answerOne];
}

function answerOf(given: object | undefined): Prepared {
  if (given === undefined) return lambdaError(404, 'ResourceNotFoundException', 'Function not found');
  return isPrepared(given) ? given : { status: 200, body: JSON.stringify(given) };
}

interface Prepared {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

function isPrepared(given: object): given is Prepared {
  return 'status' in given;
}

/** An error of Lambda’s REST protocol. */
export function lambdaError(status: number, name: string, message = 'scripted', more: object = {}) {
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': name },
    body: JSON.stringify({ Message: message, ...more }),
  };
}
