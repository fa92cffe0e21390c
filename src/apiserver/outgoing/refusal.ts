// What an answer that is no success says, in the words of upstream's REST client: its Status where it is one, else the code.
import { isJsonObject } from '#api/patch/json-values.ts';
import type { OutgoingResult } from './call.ts';

const texts: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  409: 'the server reported a conflict',
  422: 'the server rejected our request due to an error in our request',
  429: 'the server has received too many requests and has asked us to try again later',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
};
/** Of an answer that is shown; more is noise. */
const shownBytesMax = 2_048;

export const isSuccess = ({ status }: Pick<OutgoingResult, 'status'>): boolean => status >= 200 && status <= 206;

export function refusalText({ status, body }: Pick<OutgoingResult, 'status' | 'body'>): string {
  const text = Buffer.from(body.subarray(0, shownBytesMax)).toString('utf8').toWellFormed();
  const message = statusMessage(body);
  if (message !== undefined) return message;
  if (status === 403 || status === 415) return text.trim() === '' ? 'unknown' : text;
  const known = texts[status];
  if (known !== undefined) return known;
  if (status >= 500)
    return `an error on the server (${JSON.stringify(text.trim() === '' ? 'unknown' : text)}) has prevented the request from succeeding`;
  return `the server responded with the status code ${status} but did not return more information`;
}

function statusMessage(body: Uint8Array): string | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    if (isJsonObject(parsed) && parsed['kind'] === 'Status' && typeof parsed['message'] === 'string')
      return parsed['message'];
  } catch {
    // No JSON: its text is the message where there is one.
  }
  return undefined;
}
