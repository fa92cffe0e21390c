// What may be asked of feature gates, as upstream's --feature-gates: which there are, which are locked, what depends on what,
// and what AllAlpha and AllBeta mean. Gates that somebody sets here and that nothing here asks for are named.
import { gatesWithEffect } from '#api/feature-gates.ts';
import { featureGateLines } from '#api/generated/feature-gates.ts';

export type GateStage = 'Alpha' | 'Beta' | 'GA' | 'Deprecated';

export interface GateRow {
  readonly name: string;
  readonly stage: GateStage;
  readonly isOnByDefault: boolean;
  readonly isLocked: boolean;
  readonly dependsOn: readonly string[];
}

/** Read anew at each call: at start when gates are configured, and when somebody asks for metrics. */
export const featureGateRows = (): readonly GateRow[] =>
  featureGateLines
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', stage = '', value, ...rest] = line.split(' ');
      return {
        name,
        stage: stage as GateStage,
        isOnByDefault: value === 'on',
        isLocked: rest[0] === 'locked',
        dependsOn: rest.at(-1)?.replace('locked', '').split(',').filter(Boolean) ?? [],
      };
    });

export interface GateProblem {
  /** The gate that was asked for, or the one that cannot be on without others. */
  readonly gate: string;
  readonly others: readonly string[];
  /** In upstream's words. */
  readonly says: string;
}

export interface ResolvedGates {
  /** Those that are not as by default. */
  readonly changed: ReadonlyMap<string, boolean>;
  readonly problems: readonly GateProblem[];
  /** Of those asked for, or turned on with all of their stage: nothing here depends on them. */
  readonly withoutEffect: readonly string[];
}

const allOf: Readonly<Record<string, GateStage>> = { AllAlpha: 'Alpha', AllBeta: 'Beta' };

export function resolveFeatureGates(asked: ReadonlyMap<string, boolean>): ResolvedGates {
  const rows = featureGateRows();
  const byName = new Map(rows.map((row) => [row.name, row]));
  const problems: GateProblem[] = [];
  const set = new Map<string, boolean>();
  for (const [gate, value] of asked) {
    const row = byName.get(gate);
    if (row === undefined) problems.push({ gate, others: [], says: `unrecognized feature gate: ${gate}` });
    else if (row.isLocked && row.isOnByDefault !== value)
      problems.push({
        gate,
        others: [],
        says: `cannot set feature gate ${gate} to ${value}, feature is locked to ${row.isOnByDefault}`,
      });
    else set.set(gate, value);
  }
  for (const [all, stage] of Object.entries(allOf)) {
    const value = asked.get(all);
    if (value === undefined) continue;
    for (const row of rows)
      if (row.stage === stage && !(row.name in allOf) && !asked.has(row.name)) set.set(row.name, value);
  }
  const isOn = (gate: string) => set.get(gate) ?? byName.get(gate)?.isOnByDefault === true;
  // As upstream: only once each for itself is right.
  if (problems.length === 0)
    for (const { name, dependsOn } of rows) {
      if (!isOn(name)) continue;
      const missing = dependsOn.filter((one) => !isOn(one));
      if (missing.length > 0)
        problems.push({
          gate: name,
          others: missing,
          says: `${name} is enabled, but depends on features that are disabled: [${missing.join(' ')}]`,
        });
    }
  const changed = new Map([...set].filter(([gate, value]) => byName.get(gate)!.isOnByDefault !== value));
  return {
    changed,
    problems,
    withoutEffect: [...changed.keys()].filter((gate) => !(gate in gatesWithEffect) && !(gate in allOf)).toSorted(),
  };
}

/** For `kubernetes_feature_enabled`: upstream's label of a stage, and whether the gate is on. */
export const featureGateStates = (
  changed: ReadonlyMap<string, boolean>,
): readonly { readonly name: string; readonly stage: string; readonly isOn: boolean }[] =>
  featureGateRows().map(({ name, stage, isOnByDefault }) => ({
    name,
    stage: stage === 'GA' ? '' : stage.toUpperCase(),
    isOn: changed.get(name) ?? isOnByDefault,
  }));
