// Feature gates: what upstream's server says of them when it starts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultGates, featureGates, gatesWithEffect } from '#api/feature-gates.ts';
import { featureGateRows, featureGateStates, resolveFeatureGates } from './feature-gates.ts';

const resolve = (asked: Readonly<Record<string, boolean>>) => resolveFeatureGates(new Map(Object.entries(asked)));
const says = (asked: Readonly<Record<string, boolean>>) => resolve(asked).problems.map((one) => one.says);

test('gates that are asked for here are known, with upstream defaults', () => {
  const rows = new Map(featureGateRows().map((row) => [row.name, row]));
  assert.ok(rows.size > 240);
  for (const [name, isOn] of Object.entries(gatesWithEffect)) {
    assert.equal(rows.get(name)?.isOnByDefault, isOn, name);
    assert.equal(rows.get(name)?.isLocked, false, name);
  }
  for (const row of rows.values()) for (const one of row.dependsOn) assert.ok(rows.has(one), `${row.name}: ${one}`);
});

test('unknown gates and locked ones are refused, each with its reason', () => {
  assert.deepEqual(says({ Nonsense: true, APIServerTracing: false, AnyVolumeDataSource: true }), [
    'unrecognized feature gate: Nonsense',
    'cannot set feature gate APIServerTracing to false, feature is locked to true',
  ]);
});

test('a gate needs those that it depends on, those of defaults too', () => {
  assert.deepEqual(says({ GangScheduling: true }), [
    'GangScheduling is enabled, but depends on features that are disabled: [GenericWorkload]',
  ]);
  assert.deepEqual(says({ GangScheduling: true, GenericWorkload: true }), []);
  assert.deepEqual(says({ DRADeviceTaints: false, DRADeviceTaintRules: true }), [
    'DRADeviceTaintRules is enabled, but depends on features that are disabled: [DRADeviceTaints]',
  ]);
});

test('all of a stage counts where nothing is said of the gate itself', () => {
  const { changed, problems } = resolve({ AllAlpha: true, AllBeta: true, ContainerStopSignals: false });
  assert.deepEqual(problems, []);
  assert.equal(changed.get('GenericWorkload'), true);
  assert.equal(changed.has('ContainerStopSignals'), false);
  const gates = featureGates(changed);
  assert.deepEqual([gates.isOn('GenericWorkload'), gates.isOn('ContainerStopSignals')], [true, false]);
  assert.equal(defaultGates.isOn('GenericWorkload'), false);
});

test('gates that nothing here depends on are named, and only those that were changed', () => {
  assert.deepEqual(
    resolve({ KubeletPSI: true, SchedulerAsyncPreemption: false, GenericWorkload: true }).withoutEffect,
    ['SchedulerAsyncPreemption'],
  );
});

test('states are what upstream exports', () => {
  const states = new Map(featureGateStates(resolve({ GenericWorkload: true }).changed).map((one) => [one.name, one]));
  assert.deepEqual(states.get('GenericWorkload'), { name: 'GenericWorkload', stage: 'ALPHA', isOn: true });
  assert.deepEqual(states.get('APIServerTracing'), { name: 'APIServerTracing', stage: '', isOn: true });
  assert.equal(states.get('AllBeta')?.isOn, false);
});
