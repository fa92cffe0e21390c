// THE order in which a request passes the server. Each step may answer itself or call the next.
import type { Next, RequestContext, Step } from './context.ts';
import type { ApiServerOptions } from './options.ts';
import { audit } from './steps/audit.ts';
import { authenticate } from './steps/authenticate.ts';
import { authorize } from './steps/authorize.ts';
import { cors } from './steps/cors.ts';
import { deadline } from './steps/deadline.ts';
import { flowControl } from './steps/flow-control.ts';
import { impersonate } from './steps/impersonate.ts';
import { represent } from './steps/represent.ts';
import { route } from './steps/route.ts';

export function requestChain({ allowsOrigin }: Pick<ApiServerOptions, 'allowsOrigin'>): Next {
  const steps: readonly Step[] = [
    represent, // gives the answer the encoding that the client takes
    ...(allowsOrigin === undefined ? [] : [cors(allowsOrigin)]), // headers for browsers; answers their questions before a request
    audit, // measures and records what follows; failures become a Status here
    deadline, // 504 for what takes longer than the server or the client allows
    authenticate, // who asks: certificate, token, in-process identity
    impersonate, // who they ask to be, if they may
    flowControl, // priority and fairness: now, in turn, or 429
    authorize, // may they
  ];
  return steps.reduceRight<Next>((next, step) => (context: RequestContext) => step(context, next), route);
}
