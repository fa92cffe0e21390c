// Descriptions of types and fields. 0.8 MB: only the OpenAPI documents, themselves loaded at first use, import this.
import texts from '../generated/descriptions.json' with { type: 'json' };

export interface Description {
  readonly type: string;
  readonly fields: Readonly<Record<string, string>>;
}

const none: Description = { type: '', fields: {} };

export function descriptionOf(typeName: string): Description {
  const all: Readonly<Record<string, string>> = texts;
  const text = Object.hasOwn(all, typeName) ? all[typeName] : undefined;
  if (text === undefined) return none;
  const [type, fields] = JSON.parse(text) as [string, Readonly<Record<string, string>>];
  return { type, fields };
}
