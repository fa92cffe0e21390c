// The simulation itself: the same seed gives the same run, and a bug that is put into a controller is found and made small.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pods, ReplicaSets } from '#api/generated/kind-references.ts';
import type { PodDisruptionBudget, ReplicaSet } from '#api/generated/types.ts';
import { controllersOf } from '#controllers/registry.ts';
import type { Controller } from '#controllers/runtime/declaration.ts';
import { failureText, onlySteps } from '#simulation/report.ts';
import { runScenario } from '#simulation/run.ts';
import { shrink } from '#simulation/shrink.ts';
import { scenarioOf, type Scenario } from '#simulation/workload/scenario.ts';

test('a seed gives the same run every time, and another seed another one', async () => {
  const lines: string[][] = [[], []];
  const first = await runScenario(scenarioOf(77), { onLine: (line) => lines[0]!.push(line) });
  const second = await runScenario(scenarioOf(77), { onLine: (line) => lines[1]!.push(line) });
  assert.deepEqual(lines[0], lines[1]);
  assert.equal(first.digest, second.digest);
  assert.ok(
    lines[0]!.some((line) => / fault /.test(line)),
    'a run without faults says little',
  );
  assert.notEqual((await runScenario(scenarioOf(4))).digest, first.digest);
});

/** Seed, cluster and steps that a bug needs, without faults: what is found is the bug. */
const plain: Scenario = {
  seed: 1,
  profile: {
    nodes: 2,
    controllerLatencyMs: 0,
    nodeLatencyMs: 1,
    commitMs: 1,
    runtimeCallMs: 1,
    historyEvents: 500,
  },
  steps: [
    { atMs: 3_000, action: 'make the namespaces', seed: 0 },
    ...[11, 12, 13, 14].map((seed) => ({ atMs: 3_000 + seed * 100, action: 'create a deployment', seed })),
    { atMs: 6_000, action: 'scale a deployment', seed: 21 },
    { atMs: 7_000, action: 'create a service', seed: 22 },
    { atMs: 8_000, action: 'delete a deployment', seed: 23 },
  ],
};
const replace =
  (name: string, plan: (original: Controller) => Controller['plan']) =>
  (controller: Controller): Controller =>
    controller.name === name ? { ...controller, plan: plan(controller) } : controller;

test('every controller of the product is in the simulated cluster', async () => {
  const simulated = new Set<string>();
  await runScenario({ ...plain, steps: [] }, { replaceController: (one) => (simulated.add(one.name), one) });
  const unused = (): never => assert.fail('only the names are asked for');
  const all = controllersOf({
    rootCaCertificates: unused,
    clusterNetworks: [],
    volumeDirectories: { root: '/', make: unused, remove: unused },
    serviceCa: { clusterDomain: 'cluster.local', serial: unused },
    certificateSigning: { signer: unused, serial: unused },
  });
  assert.deepEqual([...simulated].toSorted(), all.map((one) => one.name).toSorted());
});

test('without a bug the scenario of these tests is well', async () => {
  assert.deepEqual((await runScenario(plain)).violations, []);
});

test('a ReplicaSet controller that makes a Pod too many is found, and the scenario is made smaller', async () => {
  const replaceController = replace('replicaset', (original) => (lookup, key, context) => {
    const decision = original.plan(lookup, key, context);
    const extra = decision?.actions.find((one) => one.verb === 'create' && one.kind.resource === Pods.resource);
    return decision === undefined || extra === undefined
      ? decision
      : { ...decision, actions: [...decision.actions, extra] };
  });
  const result = await runScenario(plain, { replaceController });
  assert.equal(result.violations[0]?.rule, 'a ReplicaSet has no Pod too many');
  const smaller = await shrink(plain, result, { replaceController, runsMax: 40 });
  assert.ok(smaller.scenario.steps.length <= 3, `${smaller.scenario.steps.length} steps are left`);
  const text = failureText(plain, smaller.result, smaller.scenario);
  const only = /--only ([\d,]+)/.exec(text)?.[1]?.split(',').map(Number);
  assert.deepEqual(onlySteps(plain, only!), smaller.scenario, 'what is printed replays what was found');
});

test('a ReplicaSet controller that counts wrongly is found at rest', async () => {
  const replaceController = replace('replicaset', (original) => (lookup, key, context) => {
    const decision = original.plan(lookup, key, context);
    return (
      decision && {
        ...decision,
        actions: decision.actions.map((one) => {
          if (one.verb !== 'update' || one.kind.resource !== ReplicaSets.resource) return one;
          const set = one.object as ReplicaSet;
          return { ...one, object: { ...set, status: { ...set.status!, readyReplicas: 0 } } as ReplicaSet };
        }),
      }
    );
  });
  const { violations } = await runScenario(plain, { replaceController });
  assert.ok(violations.some((one) => one.rule === 'ReplicaSets count right and have what they want'));
});

test('a controller that writes without end is found', async () => {
  let count = 0;
  const replaceController = replace('deployment', (original) => (lookup, key, context) => {
    const decision = original.plan(lookup, key, context);
    return (
      decision && {
        ...decision,
        wakeAfterMs: 30_000,
        actions: decision.actions.map((one) =>
          one.verb === 'update' && one.object.metadata.deletionTimestamp === undefined
            ? {
                ...one,
                object: {
                  ...one.object,
                  metadata: { ...one.object.metadata, annotations: { count: String(count++) } },
                },
              }
            : one,
        ),
      }
    );
  });
  const { violations } = await runScenario(plain, { replaceController });
  assert.ok(
    violations.some((one) => one.rule === 'work is bounded'),
    JSON.stringify(violations),
  );
});

test('a garbage collector that does nothing is found', async () => {
  const replaceController = replace('garbage-collector', () => () => undefined);
  const { violations } = await runScenario(plain, { replaceController });
  assert.ok(
    violations.some((one) => one.rule === 'nothing is left of owners that are gone'),
    JSON.stringify(violations),
  );
});

test('a budget that allows too much is found when a node is drained', async () => {
  const scenario: Scenario = {
    ...plain,
    steps: [
      { atMs: 3_000, action: 'make the namespaces', seed: 0 },
      ...[101, 102, 103, 104, 105].map((seed) => ({ atMs: 3_500, action: 'create a deployment', seed })),
      ...[106, 107, 108, 109, 110, 111].map((seed) => ({ atMs: 4_000, action: 'create a budget', seed })),
      // Long enough behind it that what the budget says is what is there.
      ...[1, 2, 3, 4, 5].map((seed) => ({ atMs: 150_000, action: 'drain a node', seed })),
    ],
  };
  const well = await runScenario(scenario);
  assert.deepEqual(well.violations, []);
  assert.ok(well.judged.evictions > 0, 'no eviction was judged');
  const replaceController = replace('disruption', (original) => (lookup, key, context) => {
    const decision = original.plan(lookup, key, context);
    return (
      decision && {
        ...decision,
        actions: decision.actions.map((one) => {
          if (one.verb !== 'update') return one;
          const budget = one.object as PodDisruptionBudget;
          return {
            ...one,
            object: { ...budget, status: { ...budget.status!, disruptionsAllowed: 9 } } as typeof budget,
          };
        }),
      }
    );
  });
  const { violations } = await runScenario(scenario, { replaceController });
  assert.ok(
    violations.some((one) => one.rule === 'evictions leave what a budget wants'),
    JSON.stringify(violations),
  );
});

test('a runtime that fails at the start of a node does not keep the node away', async () => {
  const scenario: Scenario = {
    ...plain,
    profile: { ...plain.profile, nodes: 1 },
    steps: [
      ...plain.steps,
      { atMs: 10_000, action: 'a runtime fails now and then', seed: 5 },
      ...[1, 2, 3, 4, 5, 6].map((n) => ({ atMs: 10_000 + n * 3_000, action: 'a node agent crashes', seed: n })),
    ],
  };
  const lines: string[] = [];
  const { violations } = await runScenario(scenario, { onLine: (line) => lines.push(line) });
  assert.deepEqual(violations, []);
  const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
  assert.ok(
    count(/the container runtime does not (answer yet|tell)/) > 0 || count(/runtime: (version|cgroupDriver|list)/) > 0,
  );
});
