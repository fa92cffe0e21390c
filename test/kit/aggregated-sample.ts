// An API server with the sample server behind an APIService, as tests of aggregation use it.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { ApiServerOptions } from '#apiserver/options.ts';
import {
  connectionsToHere,
  createSampleService,
  sampleApiService,
  startAggregatedServer,
} from './aggregated-server.ts';
import { startApiServer, type Json, type TestApiServer } from './start-api-server.ts';

export const services = '/apis/apiregistration.k8s.io/v1/apiservices';
export const sample = `${services}/v1alpha1.wardle.example.com`;

export const availableOf = (object: Json): Json =>
  object.status?.conditions?.find((one: { type: string }) => one.type === 'Available');

/** Real time goes on between sockets; the API server's clock stands unless the test moves it. */
export async function until<T>(check: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 2_000; tries++) {
    const found = await check();
    if (found !== undefined) return found;
    await turn();
  }
  return assert.fail('it did not come about');
}
export const condition = (api: TestApiServer, reason: string): Promise<Json> =>
  until(async () => {
    const found = availableOf(await api.get(sample));
    return found?.reason === reason ? found : undefined;
  });

export async function startSample(
  spec: (caBundle: string) => object = (caBundle) => ({ caBundle }),
  options: Partial<ApiServerOptions> = {},
) {
  const connector = connectionsToHere();
  const api = await startApiServer({ ...connector, ...options });
  const behind = await startAggregatedServer();
  await createSampleService(api, behind.port);
  await api.create(services, sampleApiService(spec(behind.caBundle)));
  return {
    api,
    behind,
    async [Symbol.asyncDispose]() {
      api.close();
      connector[Symbol.dispose]();
      await behind[Symbol.asyncDispose]();
    },
  };
}
