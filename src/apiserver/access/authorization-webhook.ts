// Somebody outside says whether something is allowed (authorization.k8s.io SubjectAccessReview).
import { createHash } from 'node:crypto';
import { fieldTerms } from '#api/meta/field-selector.ts';
import { parseLabelSelector } from '#api/meta/label-selector.ts';
import { messageOf } from '#base/errors.ts';
import { noOpinion } from '../authorization/authorizer.ts';
import type { AccessAttributes, AccessDecision, Authorizer } from '../context.ts';
import type { ApiServerOptions } from '../options.ts';
import type { WebhookAuthorization } from './authorization-configuration.ts';
import { askWebhook } from './call-webhook.ts';
import { KeptAnswers } from './kept-answers.ts';

type Options = Pick<ApiServerOptions, 'outgoing' | 'clock' | 'random' | 'logger'>;

const withText = (entries: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== ''));

/** What cannot be read is left out: the question is then about more objects. */
function requirements<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch {
    return [];
  }
}

const labelOperators: Readonly<Record<string, string>> = {
  '=': 'In',
  '==': 'In',
  in: 'In',
  '!=': 'NotIn',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
};

function selectors({ fieldSelector = '', labelSelector = '' }: AccessAttributes): object {
  const fields = requirements(() =>
    fieldTerms(fieldSelector).map(({ field, equal, value }) => ({
      key: field,
      operator: equal ? 'In' : 'NotIn',
      values: [value],
    })),
  );
  const labels = requirements(() =>
    parseLabelSelector(labelSelector).requirements.flatMap(({ key, operator, values }) => {
      const known = labelOperators[operator];
      return known === undefined ? [] : [{ key, operator: known, ...(values.length === 0 ? {} : { values }) }];
    }),
  );
  return {
    ...(fields.length === 0 ? {} : { fieldSelector: { requirements: fields } }),
    ...(labels.length === 0 ? {} : { labelSelector: { requirements: labels } }),
  };
}

/** The spec of the review. */
export function questionOf(attributes: AccessAttributes): Record<string, unknown> {
  const { user, verb, group, version, resource, subresource, namespace, name, path } = attributes;
  return {
    ...(attributes.isResource
      ? {
          resourceAttributes: {
            ...withText({ namespace, verb, group, version, resource, subresource, name }),
            ...selectors(attributes),
          },
        }
      : { nonResourceAttributes: withText({ path, verb }) }),
    ...withText({ user: user.name, uid: user.uid ?? '' }),
    ...(user.groups.length === 0 ? {} : { groups: user.groups }),
    ...(user.extra === undefined ? {} : { extra: user.extra }),
  };
}

/** For expressions: texts and lists that are empty are there all the same. */
function completed(attributes: AccessAttributes): Record<string, unknown> {
  const { user, verb, group, version, resource, subresource, namespace, name, path } = attributes;
  const asked = attributes.isResource
    ? {
        resourceAttributes: {
          namespace,
          verb,
          group,
          version,
          resource,
          subresource,
          name,
          ...selectors(attributes),
        },
      }
    : { nonResourceAttributes: { path, verb } };
  return { ...asked, user: user.name, uid: user.uid ?? '', groups: user.groups, extra: user.extra ?? {} };
}

/** A question longer than this is not remembered: upstream's maxControlledAttrCacheSize. */
const keptQuestionLengthMax = 10_000;

export function webhookAuthorizer(options: Options, webhook: WebhookAuthorization): Authorizer {
  const kept = new KeptAnswers<AccessDecision>(options.clock);
  const failed = (error: string): AccessDecision => ({
    decision: webhook.deniesOnFailure ? 'deny' : 'no-opinion',
    reason: '',
    error,
  });

  /** Undefined: it is to be asked. */
  const skipped = (attributes: AccessAttributes): AccessDecision | undefined => {
    if (webhook.matchConditions.length === 0) return undefined;
    const request = completed(attributes);
    let problem: string | undefined;
    for (const condition of webhook.matchConditions) {
      const outcome = condition.evaluate({ request });
      if (outcome.error !== undefined) problem ??= outcome.error;
      else if (outcome.value !== true) return noOpinion();
    }
    return problem === undefined ? undefined : failed(problem);
  };

  const ask = async (spec: Record<string, unknown>): Promise<AccessDecision> => {
    const question = {
      kind: 'SubjectAccessReview',
      apiVersion: `authorization.k8s.io/${webhook.version}`,
      metadata: {},
      // The older version has another name for groups.
      spec: webhook.version === 'v1beta1' ? { ...spec, group: spec['groups'], groups: undefined } : spec,
      status: { allowed: false },
    };
    try {
      const answer = await askWebhook(options, webhook.endpoint, question, webhook.timeoutMs);
      const status = (answer as { status?: { allowed?: unknown; denied?: unknown; reason?: unknown } } | null)?.status;
      const reason = typeof status?.reason === 'string' ? status.reason : '';
      const [allowed, denied] = [status?.allowed === true, status?.denied === true];
      if (allowed && denied) return failed('webhook subject access review returned both allow and deny response');
      return { decision: allowed ? 'allow' : denied ? 'deny' : 'no-opinion', reason };
    } catch (error) {
      options.logger.warn('an authorization webhook did not answer', {
        webhook: webhook.name,
        error: messageOf(error),
      });
      return failed(messageOf(error));
    }
  };

  const keepMs = ({ decision, error }: AccessDecision): number =>
    error !== undefined ? 0 : decision === 'allow' ? webhook.authorizedMs : webhook.unauthorizedMs;

  return {
    name: webhook.name,
    authorize(attributes) {
      const skip = skipped(attributes);
      if (skip !== undefined) return skip;
      const spec = questionOf(attributes);
      const text = JSON.stringify(spec);
      if (text.length > keptQuestionLengthMax) return ask(spec);
      const key = createHash('sha256').update(text).digest('base64');
      return kept.get(key) ?? kept.ask(key, () => ask(spec), keepMs);
    },
  };
}
