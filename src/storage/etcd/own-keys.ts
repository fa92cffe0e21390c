// Keys that the store keeps for itself, beside those of objects.

/** Of everything that is stored; keys of others in the same etcd are never touched. */
export const root = '/registry/';
/** Holds no object. */
export const isOwn = (key: string): boolean => key.startsWith(`${root}.`);

/** Written to be told of by the watch. */
export const barrierKey = `${root}.barrier`;
/** Which cluster it is. */
export const clusterKey = `${root}.cluster`;
/** Something that only the right encryption key opens. */
export const sealedKey = `${root}.encryption`;
/** A number: what is added to etcd's revisions. Never changes while there are objects. */
export const offsetKey = `${root}.offset`;
/** There while a cluster is copied into this etcd. */
export const copyingKey = `${root}.copying`;
/** The cluster has moved on to elsewhere: what is here is old. The text says where to. */
export const movedKey = `${root}.moved`;
/** What servers have claimed. */
export const claimRoot = `${root}.claims/`;
