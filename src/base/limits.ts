// Every limit of the process, each with its reason.

/** Request line and headers of HTTP/1.1: upstream's. */
export const requestHeadBytesMax = 1024 * 1024;
/** Bytes of a request body: upstream's --max-request-bytes for writes is 3 MiB (apiserver default), etcd's is 1.5 MiB an object. */
export const requestBodyBytesMax = 3 * 1024 * 1024;
/** Bytes of an object's JSON in the store. Upstream's etcd takes 1.5 MiB of protobuf, which can be several times as long in JSON. */
export const objectBytesMax = 8 * 1024 * 1024;
/** Bytes of a body that the audit log holds: a longer one is left out, and its event says so. */
export const auditBodyBytesMax = 1024 * 1024;
/** Objects' protobuf forms that are kept for their next reader. */
export const protobufCacheBytesMax = 16 * 1024 * 1024;
/** Longer YAML is read on a thread of its own: about 60 ms of one processor. */
export const yamlInPlaceBytesMax = 64 * 1024;
/** Characters of what a YAML text says once its aliases are written out: a body of three megabytes can say three hundred. */
export const yamlValueLengthMax = 16 * 1024 * 1024;
/** Threads that read YAML at once. */
export const yamlThreadsMax = 2;
/** Levels of nesting in a decoded body: deeper is refused before it can exhaust the stack. */
export const bodyDepthMax = 1_000;
/** Of a body in which keys come twice: deeper than any type goes, and shallow enough for the stack. */
export const bodyMergeDepthMax = 500;
/** Events that one watcher may lag behind before it is closed with 410 Gone. */
export const watchBufferEventsMax = 10_000;
/** Their bytes: above four of the largest objects. */
export const watchBufferBytesMax = 32 * 1024 * 1024;
/** Events kept in memory for watches that resume. */
export const watchHistoryEventsMax = 20_000;
/** Bytes of an answer that is packed in one piece; longer ones are packed as they are made. */
export const packedAtOnceBytesMax = 1024 * 1024;
/** Objects of a list from which on its table, or its protobuf, is made in steps: some 2 ms of work. */
export const listStepItemsMax = 100;
/** Objects from which on a collection is indexed by what selectors ask for: fewer are looked through in some 2 ms. */
export const selectionIndexObjectsMin = 1_000;
/** Indices of collections by one member, and how long one is kept that nobody asks for. */
export const selectionIndicesMax = 16;
export const selectionIndexIdleMs = 300_000;
/** Items of a page of an internal list: keeps one turn of the event loop short. */
export const listChunkItemsMax = 500;
/** Requests in work at once, shared by the priority levels: upstream's --max-requests-inflight (400) and --max-mutating-requests-inflight (200). */
export const seatsInFlightMax = 600;
/** Requests, or answers, that wait for each other in a turn of the event loop: of writes some 6 ms of work. */
export const togetherInTurnMax = 64;
/** Watches that are written to in one turn of the event loop: some 2 ms. */
export const fanOutWritesMax = 64;
/** Bytes of objects that a selector decodes in one turn of the event loop: some 3 ms. */
export const selectionTurnBytes = 256 * 1024;
/** Seconds a request that is no watch may take: upstream's --request-timeout. */
export const requestTimeoutSeconds = 60;
/** Attempts of an internal read-modify-write before it answers with a conflict. Upstream has no limit; who lost once comes in turn, so this is far away. */
export const writeConflictRetriesMax = 50;
/** Longest wait for a turn at a busy object; then both try. */
export const writeTurnWaitMsMax = 1_000;
/** Event objects are removed after this time: upstream's --event-ttl. */
export const eventTtlSeconds = 3_600;
/** Bytes that the events kept for resuming watches may hold: large objects must not make history large. */
export const watchHistoryBytesMax = 32 * 1024 * 1024;
/** Age up to which events are kept for watches that resume: upstream compacts etcd every five minutes. */
export const watchHistoryAgeMsMax = 600_000;
/** Age up to which a past state is listed (pages that go on, exact lists): then 410, between upstream's five and ten minutes. */
export const pastListAgeMsMax = 300_000;
/** Events that are kept whatever their age. */
export const watchHistoryEventsMin = 1_000;
/** Longest time that a lazily durable write waits for the disk. */
export const lazyFlushMs = 60_000;
/** Revisions reserved on disk at a time: at one lazy write in ten seconds, a reservation a day. */
export const revisionBlock = 10_000;
/** Bytes by which an object may grow while there is no room for new ones: of one that is being removed (time, grace, finalizers), and of a heartbeat. */
export const removalGrowthBytesMax = 4_096;
export const lazyGrowthBytesMax = 64;
/** A transaction that takes longer is told: at once in the status, and in the log at most so often. */
export const slowCommitMs = 2_000;
export const slowTellMs = 60_000;
/** While there is no room, it is looked for so often. */
export const roomLookMs = 5_000;
/** When the data file cannot be opened for a reason that may pass. */
export const storeRetryMs = 10_000;
/** Room without which a first start is not begun: certificates, the objects of an empty cluster, and the log of the data file. */
export const firstStartBytesMin = 8 * 1024 * 1024;
/** Snapshots of the data file: soon after the start, for a machine that never runs for a day. */
export const snapshotFirstMs = 600_000;
export const snapshotIntervalMs = 86_400_000;
/** A backup by schedule that failed is tried again: from a minute to an hour later. The schedule is looked at so often, because clocks jump. */
export const backupRetryMsMin = 60_000;
export const backupRetryMsMax = 3_600_000;
export const backupLookMs = 3_600_000;
/** Writes and bytes of one transaction of the embedded store: keeps its latency and copies small. */
export const commitWritesMax = 1_000;
export const commitBytesMax = 8 * 1024 * 1024;
/** Bytes that are sealed with a new key in one transaction, on the thread that answers requests: a few milliseconds. */
export const resealBytesMax = 1024 * 1024;
/** Bytes of one line of a watch that a client reads: above the largest object (3 MiB) even if every byte of it is escaped. */
export const watchLineBytesMax = 32 * 1024 * 1024;
/** Bytes of an answer that a client reads: a page of 500 large objects. */
export const responseBytesMax = 512 * 1024 * 1024;
/** Times that a client repeats a request which was refused with 429: as client-go. */
export const requestRetriesMax = 10;
/** Events of one recorder that wait to be written; later ones are dropped. */
export const eventQueueMax = 1_000;
/** What an event recorder remembers of earlier events: as client-go. */
export const eventMemoryMax = 4_096;
/** Bytes of a file of a kustomization: larger than any object that the API server takes, with room for a file of many. */
export const directoryTreeFileBytesMax = 32 * 1024 * 1024;
/** Bytes of a webhook's answer: a patch of the largest object in base64, with room. */
export const reviewBytesMax = 16 * 1024 * 1024;
/** Characters of a bearer token: far above any that is used, below what headers may hold. */
export const tokenLengthMax = 16_384;
/** Tokens whose signature is remembered as good. */
export const verifiedTokensMax = 4_096;
/** Seconds, objects and bytes of one call of a conversion webhook; upstream waits as long. */
export const conversionTimeoutSeconds = 30;
export const conversionObjectsMax = 500;
export const conversionBytesMax = 64 * 1024 * 1024;
/** Bytes of an answer of an authentication or authorization webhook, or of an issuer's keys. */
export const webhookAnswerBytesMax = 1024 * 1024;
/** Tokens that a webhook is asked about at once: whoever sends one makes such a question. */
export const tokenQuestionsMax = 1_024;
/** Decisions of webhooks that are remembered: upstream's. */
export const webhookDecisionsMax = 8_192;
/** Of verbs with groups and resources in a role that somebody grants who does not hold each of its rules by one of theirs. */
export const grantCombinationsMax = 20_000;
/** So often an etcd cluster that cannot be used at the start is asked again. */
export const etcdRetryMs = 2_000;
/** What is older, etcd may forget: upstream's --etcd-compaction-interval. */
export const etcdCompactIntervalMs = 300_000;
/** Transactions sent to etcd at once: its leader puts those that come together into one disk write. */
export const etcdWritesInFlightMax = 256;
/** Longest time until what etcd has acknowledged is seen by this process. */
export const etcdCatchUpMsMax = 10_000;
/** So long a consistent read waits for etcd's watch before it writes something to be told of. */
export const etcdBarrierWaitMs = 50;
/** Plugins of a node, and folders in which they may announce themselves: more than any machine has drivers. */
export const pluginSocketsMax = 256;
export const pluginFoldersMax = 64;
/** Devices that one plugin of a node may tell of: a Node's status counts them, and every update has all. */
export const devicesMax = 10_000;
/** Steps of a search for devices: on one node, and for one Pod on all of them (about a second). Upstream gives a node ten seconds. */
export const claimSearchStepsMax = 50_000;
export const podSearchStepsMax = 1_000_000;
