// A server as upstream's `--feature-gates=AllAlpha=true,AllBeta=true --runtime-config=api/all=true`.
import { featureGates } from '#api/feature-gates.ts';
import type { ApiServerOptions } from '#apiserver/options.ts';
import { resolveFeatureGates } from '#rules/feature-gates.ts';

export function everythingOn(): Pick<ApiServerOptions, 'featureGates' | 'runtimeConfig'> {
  const asked = new Map([
    ['AllAlpha', true],
    ['AllBeta', true],
  ]);
  return { featureGates: featureGates(resolveFeatureGates(asked).changed), runtimeConfig: ['api/all=true'] };
}
