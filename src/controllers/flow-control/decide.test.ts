import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowSchema, PriorityLevelConfiguration } from '#api/generated/types.ts';
import { autoUpdateAnnotation, defaultFlowSchemas, defaultPriorityLevels } from '#rules/flow-control-defaults.ts';
import { decide } from './decide.ts';

const stored = <T extends FlowSchema | PriorityLevelConfiguration>(objects: readonly T[]): T[] =>
  objects.map((one) => ({ ...one, metadata: { ...one.metadata, uid: `u-${one.metadata.name}`, generation: 1 } }));
const levels = stored(defaultPriorityLevels);
const schemas = stored(defaultFlowSchemas);
const said = ({ actions }: ReturnType<typeof decide>) =>
  actions.map((one) =>
    'object' in one ? `${one.verb} ${one.object.metadata.name}` : `${one.verb} ${'key' in one ? one.key.name : ''}`,
  );
const replaced = <T extends FlowSchema | PriorityLevelConfiguration>(
  objects: readonly T[],
  name: string,
  change: (one: T) => T,
) => objects.map((one) => (one.metadata.name === name ? change(one) : one));

test('an empty cluster gets all of them, then their conditions', () => {
  assert.equal(decide({ schemas: [], levels: [] }, 0).actions.length, 19);
  const conditions = decide({ schemas, levels }, 0).actions;
  assert.equal(conditions.length, schemas.length);
  const done = conditions.map((one) => ('object' in one ? (one.object as FlowSchema) : assert.fail()));
  assert.deepEqual(done[0]!.status?.conditions, [
    {
      type: 'Dangling',
      status: 'False',
      reason: 'Found',
      message: 'This FlowSchema references the PriorityLevelConfiguration object named "exempt" and it exists',
      lastTransitionTime: '1970-01-01T00:00:00Z',
    },
  ]);
  assert.deepEqual(decide({ schemas: done, levels }, 5).actions, []);
});

test('what was changed is set right while it is ours, and always where it is mandatory', () => {
  const precedence = (one: FlowSchema): FlowSchema => ({ ...one, spec: { ...one.spec, matchingPrecedence: 7 } });
  const notOurs = (one: FlowSchema): FlowSchema =>
    precedence({ ...one, metadata: { ...one.metadata, annotations: { [autoUpdateAnnotation]: 'false' } } });
  assert.deepEqual(said(decide({ schemas: replaced(schemas, 'service-accounts', precedence), levels }, 0)), [
    'update service-accounts',
  ]);
  const own = decide({ schemas: replaced(schemas, 'service-accounts', notOurs), levels }, 0);
  assert.ok(own.actions.every((one) => 'subresource' in one && one.subresource === 'status'));
  assert.deepEqual(said(decide({ schemas: replaced(schemas, 'catch-all', notOurs), levels }, 0)), ['update catch-all']);
});

test('an annotation that is missing says whose it is: ours only if nobody has changed it', () => {
  const bare = (generation: number) => (one: PriorityLevelConfiguration) => ({
    ...one,
    metadata: { ...one.metadata, annotations: {}, generation },
  });
  const annotationOf = (generation: number) => {
    const [action] = decide({ schemas, levels: replaced(levels, 'system', bare(generation)) }, 0).actions;
    assert.ok(action !== undefined && 'object' in action);
    return action.object.metadata.annotations?.[autoUpdateAnnotation];
  };
  assert.equal(annotationOf(1), 'true');
  assert.equal(annotationOf(2), 'false');
});

test('what is gone comes back, what an older version had goes, and a schema without its level is told so', () => {
  assert.deepEqual(said(decide({ schemas: schemas.filter((one) => one.metadata.name !== 'probes'), levels }, 0)), [
    'create probes',
  ]);
  const old: FlowSchema = { ...schemas[4]!, metadata: { ...schemas[4]!.metadata, name: 'old' } };
  assert.deepEqual(said(decide({ schemas: [...schemas, old], levels }, 0)), ['delete old']);
  const mine: FlowSchema = { metadata: { name: 'mine' }, spec: { priorityLevelConfiguration: { name: 'nothing' } } };
  const last = decide({ schemas: [...schemas, mine], levels }, 0).actions.at(-1);
  assert.ok(last !== undefined && 'object' in last);
  const [condition] = (last.object as FlowSchema).status!.conditions!;
  assert.deepEqual([condition!.status, condition!.reason], ['True', 'NotFound']);
});
