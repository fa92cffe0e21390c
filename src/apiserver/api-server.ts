// The API server: a function from a request to its answer. Not here: sockets and TLS (https-front.ts).
import { defaultGates } from '#api/feature-gates.ts';
import { dropGatedFields } from '#api/gated-fields.ts';
import type { ApiRequest, ApiResponse, RequestHandler } from '#api/request.ts';
import { storagePrefix } from '#api/kinds.ts';
import { messageOf } from '#base/errors.ts';
import { seatsInFlightMax } from '#base/limits.ts';
import { MetricRegistry } from '#base/metrics/registry.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { admissionOrder } from './admission/order.ts';
import { startTypeCheckStatus } from './admission/policies/type-check-status.ts';
import { liveAccess } from './access/live-access.ts';
import { createAggregation } from './aggregation/aggregation.ts';
import { createApiServices } from './aggregation/api-services.ts';
import { clusterTokens } from './authentication/cluster-tokens.ts';
import { firstOpinion, systemMasters } from './authorization/authorizer.ts';
import { nodeAuthorizer } from './authorization/node.ts';
import { createRbacIndex } from './authorization/rbac-index.ts';
import { rbacAuthorizer } from './authorization/rbac.ts';
import type { Server } from './context.ts';
import { createHealthChecks } from './health-checks.ts';
import { serverMetrics } from './metrics/server-metrics.ts';
import { startDefinitionController } from './custom-resources/definition-controller.ts';
import { createFlowControl } from './flow-control/flow-control.ts';
import { watchCounts } from './flow-control/watch-counts.ts';
import { Turns } from './registry/turns.ts';
import { createServedKinds } from './custom-resources/served-kinds.ts';
import { SelectionIndex } from './registry/selection-index.ts';
import type { ApiServerOptions, HealthChecks } from './options.ts';
import { openedByGates } from '#rules/runtime-config.ts';
import { requestChain } from './request-chain.ts';
import { requestInfo } from './request-info.ts';
import { respondStatus, unexpectedError } from './responses.ts';
import { anonymousUser } from './steps/authenticate.ts';

export interface ApiServer extends RequestHandler {
  /** Keeps the objects that follow from what this server does itself: its APIServices, IPAddresses of cluster IPs. Resolves once
   * the APIServices are there. */
  keepOwnObjects(): Promise<void>;
  /** Ends watches; requests in work finish. */
  endWatches(): void;
  /** For good. The store stays open: it is not the server's. */
  close(): void;
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const closing = new AbortController();
  const rbac = createRbacIndex(options.store);
  const gates = options.featureGates ?? defaultGates;
  const kinds = createServedKinds(options.store, options.logger, openedByGates(options.runtimeConfig ?? [], gates));
  const nodes = nodeAuthorizer(options.store, rbac, gates);
  const byRoles = rbacAuthorizer(rbac);
  const apiServices = createApiServices(options.store);
  const watches = watchCounts();
  const selectionIndex = new SelectionIndex(options);
  const flowControl = createFlowControl({
    store: options.store,
    clock: options.clock,
    totalSeats: options.seatsInFlight ?? seatsInFlightMax,
    facts: {
      watchers: (info) => watches.of(info),
      count(info) {
        const row = info.isResource ? kinds.find(info.group, info.version, info.resource) : undefined;
        if (row?.storage === undefined) return 0;
        return options.store.count(storagePrefix(row, info.namespace === '' ? undefined : info.namespace));
      },
    },
  });
  const metrics = serverMetrics(options.metrics ?? new MetricRegistry(), options.clock, options.store);
  const chain = requestChain(options);
  const takesCbor = gates.isOn('CBORServingAndStorage');
  const handler: RequestHandler = {
    async handle(sent: ApiRequest): Promise<ApiResponse> {
      const request = takesCbor ? { ...sent, takesCbor } : sent;
      try {
        if (kinds.pending !== undefined) await kinds.pending;
        const info = requestInfo(request.method, request.path, request.query);
        const row = info.isResource ? kinds.find(info.group, info.version, info.resource) : undefined;
        return await chain({ server, request, info, row, user: anonymousUser, warnings: [] });
      } catch (error) {
        // Only the outermost step itself can get here.
        options.logger.error('request chain failed', { path: request.path, error: messageOf(error) });
        return respondStatus(unexpectedError().toStatus());
      }
    },
  };
  const client = createInProcessClient({
    handler,
    identity: { name: 'system:apiserver', groups: ['system:masters'] },
    clock: options.clock,
    random: options.random,
    logger: options.logger,
    userAgent: 'kube-apiserver',
  });
  const aggregation = createAggregation({ options, kinds, apiServices, metrics }, client);
  const access = liveAccess({
    current: options.access,
    ownTokens: clusterTokens(options),
    nodes,
    roles: byRoles,
    metrics: metrics.access,
  });
  let health: HealthChecks | undefined;
  const server: Server = {
    options,
    gates,
    dropGatedFields: dropGatedFields(gates),
    authorizer: access.authorizer,
    boundRights: firstOpinion([systemMasters, byRoles]),
    rules: {
      get incomplete() {
        return access.asksOutside();
      },
      rulesFor: (user, namespace) => rbac.rulesFor(user, namespace),
    },
    tokens: access.tokens,
    anonymous: () => access.anonymous(),
    admission: admissionOrder(options.store),
    metrics,
    flowControl,
    watches,
    selectionIndex,
    turns: new Turns(options.clock),
    get health() {
      return (health ??= createHealthChecks(server));
    },
    kinds,
    apiServices,
    aggregation,
    closing: closing.signal,
  };
  const definitions = startDefinitionController(server);
  const typeChecks = startTypeCheckStatus(server);

  const kept: Disposable[] = [];
  return {
    handle: (request) => handler.handle(request),
    async keepOwnObjects() {
      const [{ keepLocalServices }, { keepIpAddresses }] = await Promise.all([
        import('./aggregation/registration.ts'),
        import('./registry/services/ip-addresses.ts'),
      ]);
      if (closing.signal.aborted || kept.length > 0) return;
      const services = keepLocalServices(server, client);
      kept.push(services, keepIpAddresses(server, client));
      await services.registered;
    },
    endWatches: () => closing.abort(),
    close() {
      closing.abort();
      for (const one of kept) one[Symbol.dispose]();
      aggregation[Symbol.dispose]();
      apiServices[Symbol.dispose]();
      client.close().catch(() => {});
      definitions[Symbol.dispose]();
      typeChecks[Symbol.dispose]();
      kinds[Symbol.dispose]();
      for (const plugin of server.admission) plugin.close?.();
      selectionIndex[Symbol.dispose]();
      flowControl[Symbol.dispose]();
      rbac[Symbol.dispose]();
      nodes[Symbol.dispose]();
    },
  };
}
