// DNS step: names of the cluster, from informers. Until they are synced it fails, so that no client caches a wrong "no such name".
import { emptyResponse, responseCode, type DnsQuestion, type DnsRecord, type DnsResponse } from '#wire/dns-message.ts';
import { answerFromCluster, type ClusterSnapshot, type ClusterZone } from './records.ts';

export interface KubernetesOptions {
  readonly zone: ClusterZone;
  readonly snapshot: ClusterSnapshot;
  readonly isSynced: () => boolean;
}

/** Names that an external name may lead over. */
const aliasesMax = 8;

const isInZone = (name: string, domain: string): boolean => {
  const lower = name.toLowerCase().replace(/\.$/, '');
  return lower === domain || lower.endsWith(`.${domain}`);
};

export const kubernetesStep =
  ({ zone, snapshot, isSynced }: KubernetesOptions) =>
  (next: (question: DnsQuestion) => Promise<DnsResponse>) =>
  async (question: DnsQuestion): Promise<DnsResponse> => {
    if (!isSynced())
      return isInZone(question.name, zone.domain) ? emptyResponse(responseCode.serverFailure) : next(question);
    let response = answerFromCluster(question, zone, snapshot);
    if (response === undefined) return next(question);
    // An external name: the client gets the addresses behind it in the same answer.
    const answers: DnsRecord[] = [...response.answers];
    for (let count = 0; count < aliasesMax; count++) {
      const last = answers.at(-1);
      if (last?.type !== 'CNAME' || (question.type !== 'A' && question.type !== 'AAAA')) break;
      const target = { name: last.data, type: question.type };
      const further = answerFromCluster(target, zone, snapshot) ?? (await next(target));
      if (further.answers.length === 0) break;
      answers.push(...further.answers);
      response = { ...response, answers };
    }
    return response;
  };
