// Claims that were made, under upstream's names.
import type { Measures } from '../runtime/declaration.ts';

export const ephemeralVolumeMeasures: Measures = (registry) => {
  const tries = registry.counter('ephemeral_volume_controller_create_total', 'Claims that were to be made.').with({});
  const failures = registry
    .counter('ephemeral_volume_controller_create_failures_total', 'Claims that could not be made.')
    .with({});
  return ({ actions, error }) => {
    tries.add(actions.length);
    if (error !== undefined) failures.add();
  };
};
