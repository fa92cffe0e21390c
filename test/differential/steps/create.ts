// Creating: valid objects, then every way in which the request itself can be wrong.
import type { Json } from '#kit/start-api-server.ts';
import type { KindUnderTest } from '../kind-under-test.ts';
import { withQuery, type Step } from '../step.ts';

const deep = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);

export function createSteps(kind: KindUnderTest): Step[] {
  const { collection } = kind;
  const post = (id: string, body: unknown, more: Partial<Step> = {}): Step => ({
    id: `create/${id}`,
    method: 'POST',
    path: collection,
    body,
    ...more,
  });
  const dry = (id: string, change: (object: Json) => void, query: Record<string, string> = {}): Step => {
    const object = kind.small('dry');
    change(object);
    return post(id, object, { path: withQuery(collection, { dryRun: 'All', ...query }) });
  };
  const text = (object: Json, extra: string): string => JSON.stringify(object).replace(/\}$/, `,${extra}}`);
  const small = kind.small('dry');
  const raw = (id: string, body: string | Uint8Array, contentType = 'application/json', query = {}): Step =>
    post(id, body, { contentType, path: withQuery(collection, { dryRun: 'All', ...query }) });
  const twice = text(small, '"metadata":{"name":"diff-twice"}');
  const unknown = text(small, '"notAField":1');
  const steps: Step[] = [
    post('small', kind.small('a'), { keep: 'a' }),
    post('small-again', kind.small('a')),
    post('rich', kind.rich('b'), { keep: 'b' }),
    post('dry-run', kind.rich('dry'), { path: withQuery(collection, { dryRun: 'All' }) }),
    dry('no-name', (object) => delete object.metadata.name),
    dry('generate-name', (object) => {
      delete object.metadata.name;
      object.metadata.generateName = 'diff-gen-';
    }),
    dry('generate-bad', (object) => {
      delete object.metadata.name;
      object.metadata.generateName = 'Bad_';
    }),
    dry('other-kind', (object) => (object.kind = 'Other')),
    dry('other-version', (object) => (object.apiVersion = 'other.example.com/v1')),
    dry('no-kind', (object) => delete object.kind),
    dry('no-type', (object) => {
      delete object.kind;
      delete object.apiVersion;
    }),
    dry('no-metadata', (object) => delete object.metadata),
    dry('other-namespace', (object) => (object.metadata.namespace = 'diff-other')),
    dry('with-revision', (object) => (object.metadata.resourceVersion = '5')),
    dry('with-uid', (object) => (object.metadata.uid = 'abc')),
    dry('with-managed-fields', (object) => (object.metadata.managedFields = [{ manager: 'x', operation: 'Update' }])),
    dry('long-manager', () => {}, { fieldManager: 'm'.repeat(129) }),
    dry('unprintable-manager', () => {}, { fieldManager: 'a\u0007b' }),
    dry('manager', () => {}, { fieldManager: 'me' }),
    dry('bad-dry-run', () => {}, { dryRun: 'Some' }),
    dry('bad-field-validation', () => {}, { fieldValidation: 'Maybe' }),
    dry('pretty', () => {}, { pretty: 'true' }),
    ...['Strict', 'Warn', 'Ignore'].flatMap((fieldValidation) => [
      raw(`unknown-field-${fieldValidation}`, unknown, undefined, { fieldValidation }),
      raw(`twice-${fieldValidation}`, twice, undefined, { fieldValidation }),
      raw(`case-${fieldValidation}`, JSON.stringify(small).replace('"metadata"', '"Metadata"'), undefined, {
        fieldValidation,
      }),
    ]),
    raw('yaml', `# a comment\n${JSON.stringify(small)}\n`, 'application/yaml'),
    raw('yaml-twice', `${JSON.stringify(small).replace(/^\{/, '{"kind": "x", ')}`, 'application/yaml'),
    raw('yaml-bad', 'a: b: c', 'application/yaml'),
    raw('text-plain', JSON.stringify(small), 'text/plain'),
    raw('no-such-type', JSON.stringify(small), 'application/x-nothing'),
    raw('charset', JSON.stringify(small), 'application/json; charset=utf-8'),
    raw('empty', ''),
    raw('truncated', JSON.stringify(small).slice(0, -5)),
    raw('trailing', `${JSON.stringify(small)} x`),
    raw('list', '[]'),
    raw('null', 'null'),
    raw('number', '5'),
    raw('text', '"x"'),
    raw(
      'not-utf8',
      Buffer.from([...Buffer.from(JSON.stringify(small).slice(0, -1)), 0x2c, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    ),
    raw('deep', text(small, `"notAField":${deep(500)}`)),
    raw('too-deep', text(small, `"notAField":${deep(20_000)}`)),
    raw('big-number', text(small, '"notAField":1e400')),
    raw('proto-key', text(small, '"__proto__":{"x":1}'), undefined, { fieldValidation: 'Strict' }),
    post('on-name', kind.small('a'), { path: kind.pathOf('a') }),
    post('delete-options-as-body', { kind: 'DeleteOptions', apiVersion: 'v1' }),
  ];
  return steps;
}

/** Reviews and other kinds that are only created. */
export const isStored = (kind: KindUnderTest): boolean => kind.row.verbs.includes('update');
