// The body of a webhook's answer as a JSON object, with the texts of upstream's decoder for what is none.
import { isJsonObject, type JsonObject } from '#api/patch/json-values.ts';

/** The answer cannot be used. `isInvalid`: it is one, but not to this request. */
export class AnswerProblem extends Error {
  readonly isInvalid: boolean;
  constructor(message: string, isInvalid: boolean) {
    super(message);
    this.name = 'AnswerProblem';
    this.isInvalid = isInvalid;
  }
}

/** As Go's decoder names types of values. */
export const goType = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;

const headerType =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** Throws an AnswerProblem. */
export function parseAnswer(text: string): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    // Read as YAML, as upstream's decoder does, most texts are a string.
    parsed = text.trimStart().startsWith('{') ? error : text;
  }
  if (parsed instanceof Error)
    throw new AnswerProblem(`couldn't get version/kind; json parse error: ${parsed.message}`, false);
  if (!isJsonObject(parsed))
    throw new AnswerProblem(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${goType(parsed)} into Go value of type ${headerType}`,
      false,
    );
  return parsed;
}
