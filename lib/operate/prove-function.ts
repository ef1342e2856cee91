import { InvokeCommand, type InvokeCommandOutput, type LambdaClient } from '@aws-sdk/client-lambda';
import { z } from 'zod';
import { awsErrorName } from '../aws/aws-error.ts';
import { type ProofRequest, proofAnswer } from '../contracts/function-proof.ts';
import { commandError } from './command-error.ts';
import { type Check, check } from './doctor-checks.ts';

const proveEvent: ProofRequest = { prove: true };

/** What Lambda returns for a call that fails. Source: AWS Lambda Developer Guide, "Node.js function errors". */
const failedCall = z.object({ errorType: z.string().optional(), errorMessage: z.string().optional() });

/** Names of errors while Lambda refuses calls. Source: AWS Lambda API Reference, "Invoke". */
const throttles = ['TooManyRequestsException', 'EC2ThrottledException'];

/**
 * Calls the inference function once: it opens its model and predicts a built-in picture. This is the only way to find
 * out why it fails at its start. The call costs less than a cent.
 *
 * @param client waits for the end of the call
 */
export async function proveFunction(
  client: LambdaClient,
  { name, modelId }: { name: string; modelId: string },
): Promise<Check> {
  const title = 'inference';
  try {
    const answer = await client.send(
      new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(proveEvent), LogType: 'Tail' }),
    );
    const text = answer.Payload?.transformToString() ?? '';
    if (answer.FunctionError !== undefined) {
      const advice = 'fix the cause (its log has more), then run npx cdk deploy';
      return check('fail', title, `a call of ${name} failed: ${causeOf(text, answer)}`, advice);
    }
    const proof = proofAnswer.safeParse(parsed(text));
    if (!proof.success) return check('fail', title, `${name} gave no proof, but ${excerpt(text)}`, 'npx cdk deploy');
    const { model } = proof.data;
    if (model !== modelId) {
      return check(
        'fail',
        title,
        `${name} predicts with ${model}, but the stack’s model is ${modelId}`,
        'npx cdk deploy',
      );
    }
    return check('ok', title, `${name} has opened ${model} and predicted a picture`);
  } catch (error) {
    // The SDK's own: the answer did not come in the client's time.
    if (awsErrorName(error) === 'TimeoutError') {
      return check('warn', title, `a call of ${name} takes too long to wait for`, 'read its log');
    }
    if (throttles.includes(awsErrorName(error))) {
      const found = `Lambda refuses to call ${name}: too many functions run in this account, or its reserved concurrency is used up`;
      return check('warn', title, found, 'try again later');
    }
    return check('warn', title, commandError(`call the function ${name}`, error).message);
  }
}

/** The error of the function. If its process ended, only the log knows why. */
function causeOf(text: string, { LogResult: log = '' }: InvokeCommandOutput): string {
  const failed = failedCall.safeParse(parsed(text));
  const { errorType = '', errorMessage = excerpt(text) } = failed.success ? failed.data : {};
  const error = errorType === '' ? errorMessage : `${errorType}: ${errorMessage}`;
  if (!/^(Runtime|Sandbox|Extension)\./.test(errorType)) return error;
  const own = Buffer.from(log, 'base64')
    .toString()
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^(START|END|REPORT|INIT_START|INIT_REPORT) /.test(line));
  const last = own.at(-1);
  return last === undefined ? error : `${error}; its last log line: ${excerpt(last)}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function excerpt(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
