// How many Pods an owner wants whose kind has no informer here: asked of the API, by the scale that its kind has. Asking takes a turn,
// so a decision that needs it is made anew with the answers at hand.
import type { OwnerReference, Scale as ScaleObject } from '#api/generated/types.ts';
import { ApiError } from '#api/status.ts';
import { messageOf } from '#base/errors.ts';
import type { Client } from '#client/client.ts';
import { NoSuchKindError, resourcesOf, type NamedResource } from '../horizontal-pod-autoscaler/kinds.ts';
import { scalePath } from '../horizontal-pod-autoscaler/scale-target.ts';
import { splitKey } from '../runtime/declaration.ts';
import type { Scale } from './decide.ts';

export type AskedOwner = Pick<OwnerReference, 'apiVersion' | 'kind' | 'name' | 'uid'>;
export interface Answer {
  /** Undefined: it is not there. */
  readonly scale: Scale | undefined;
}

const textOf = ({ apiVersion, kind, name, uid }: AskedOwner): string => JSON.stringify([apiVersion, kind, name, uid]);

export class Scales {
  /** Key of a budget -> owner -> answer, from the question until a decision is made with it. */
  readonly #answers = new Map<string, Map<string, Answer>>();

  /** Undefined: nobody has asked for this decision. */
  known(budget: string, owner: AskedOwner): Answer | undefined {
    return this.#answers.get(budget)?.get(textOf(owner));
  }

  /** The decision is made: the next one asks anew. */
  forget(budget: string): void {
    this.#answers.delete(budget);
  }

  /** What cannot be found out is an answer, too. `budget`: its key, with the namespace. */
  async ask(client: Client, budget: string, owner: AskedOwner): Promise<void> {
    let scale: Scale | undefined;
    try {
      scale = await scaleOf(client, splitKey(budget).namespace ?? '', owner);
    } catch (error) {
      scale = messageOf(error);
    }
    const answers = this.#answers.get(budget) ?? new Map<string, Answer>();
    this.#answers.set(budget, answers.set(textOf(owner), { scale }));
  }
}

async function resourceOf(client: Client, { apiVersion, kind }: AskedOwner): Promise<NamedResource> {
  try {
    const [resource] = await resourcesOf(client, { apiVersion, kind });
    return resource!;
  } catch (error) {
    if (!(error instanceof NoSuchKindError)) throw error;
    throw new NoSuchKindError(`no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`);
  }
}

async function scaleOf(client: Client, namespace: string, owner: AskedOwner): Promise<Scale | undefined> {
  const found = await resourceOf(client, owner);
  const { group, version, resource } = found;
  try {
    const { metadata, spec } = (await client.read(scalePath(found, namespace, owner.name))) as ScaleObject;
    return metadata.uid === owner.uid ? { uid: owner.uid, replicas: spec?.replicas ?? 0 } : undefined;
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 404) throw error;
    const served = await client.discover(group, version);
    if (served.some((one) => one.name === `${resource}/scale` && one.kind === 'Scale')) return undefined;
    return `${group === '' ? resource : `${resource}.${group}`} does not implement the scale subresource`;
  }
}
