// Keys of where objects are kept, and of backups of them, to their slices of the configuration.
import { cronScheduleProblem } from '#api/validation/cron-schedule.ts';
import { isIPv6 } from '#pki/address.ts';
import type { BackupConfiguration, DatastoreConfiguration, EtcdConfiguration } from './configuration.ts';
import { isDnsName } from './names.ts';
import { parseIpv4 } from './ranges.ts';
import type { ConfigurationValues } from './values.ts';

const endpointKey = 'datastore.endpoint';
const tlsKeys = ['datastore.authorityFile', 'datastore.certificateFile', 'datastore.keyFile'] as const;
const example = 'Write etcd://HOST:PORT for each member, with commas between, or unix:///SOCKET.';

/** Of a data file. */
const fileKeys = ['datastore.quotaMB', 'datastore.diskReserveMB', 'datastore.onDamage'] as const;

export function checkDatastore(values: ConfigurationValues): DatastoreConfiguration {
  const etcd = checkEtcd(values);
  if (etcd !== undefined)
    for (const key of fileKeys)
      if (!values.asksDefault(key))
        values.wrong(
          key,
          `means nothing with ${endpointKey}: the objects are on etcd, which has limits of its own`,
          'Remove this key, and set --quota-backend-bytes of etcd where its default does not fit.',
        );
  return {
    quotaBytes: values.integer('datastore.quotaMB') * 1024 * 1024,
    diskReserveBytes: values.integer('datastore.diskReserveMB') * 1024 * 1024,
    onDamage: values.text('datastore.onDamage') === 'stop' ? 'stop' : 'restore',
    ...(etcd === undefined ? {} : { etcd }),
  };
}

export function checkBackup(values: ConfigurationValues): BackupConfiguration {
  const folder = values.directory('backup.folder');
  const schedule = values.text('backup.schedule');
  const problem = cronScheduleProblem(schedule);
  if (problem !== undefined)
    values.wrong(
      'backup.schedule',
      `is no schedule (${problem})`,
      'Write minute, hour, day, month and weekday, such as "0 3 * * *", or @daily, or @every 6h.',
    );
  if (folder !== '' && values.text(endpointKey) !== '')
    values.wrong(
      'backup.folder',
      `means nothing with ${endpointKey}: the objects are on etcd`,
      'Have snapshots of etcd taken instead, and remove this key.',
    );
  return { folder, schedule, retention: values.integer('backup.retention') };
}

function checkEtcd(values: ConfigurationValues): EtcdConfiguration | undefined {
  const endpoint = values.text(endpointKey);
  const [authorityFile, certificateFile, keyFile] = tlsKeys.map((key) => values.directory(key)) as [
    string,
    string,
    string,
  ];
  if (endpoint === '') {
    for (const key of tlsKeys)
      if (values.isGiven(key) && values.text(key) !== '')
        values.wrong(key, `means nothing without ${endpointKey}`, `Set ${endpointKey}, or remove this key.`);
    return undefined;
  }
  const members: string[] = [];
  for (const part of endpoint.split(',')) {
    const member = memberOf(part.trim());
    if (member === undefined) {
      values.wrong(endpointKey, `names a member that is none (${JSON.stringify(part.trim())})`, example);
      return undefined;
    }
    members.push(member);
  }
  const tls = authorityFile === '' ? undefined : { authorityFile, certificateFile, keyFile };
  if ((certificateFile === '') !== (keyFile === ''))
    values.wrong(
      certificateFile === '' ? 'datastore.certificateFile' : 'datastore.keyFile',
      'is missing: a certificate and its key belong together',
      'Set datastore.certificateFile and datastore.keyFile both, or neither.',
    );
  else if (certificateFile !== '' && tls === undefined)
    values.wrong(
      'datastore.authorityFile',
      'is missing: with a client certificate, the members are asked for theirs',
      'Name the PEM file of the authority that has signed the certificates of the members.',
    );
  const distant = members.find((member) => !isLocal(member));
  if (distant !== undefined && tls === undefined)
    values.add(
      endpointKey,
      `${values.where(endpointKey)} names ${distant}, which is not this machine, and there is no TLS: everybody on the way could read and change the cluster.`,
      'Set datastore.authorityFile, and for a cluster that asks for client certificates datastore.certificateFile and datastore.keyFile.',
    );
  return { members, tls };
}

/** As gRPC takes it. */
function memberOf(text: string): string | undefined {
  const socket = /^unix:\/\/(\/.+)$/.exec(text);
  if (socket !== null) return `unix:${socket[1]}`;
  const found = /^(?:etcd:\/\/)?(?:\[([0-9a-fA-F:.]+)\]|([^:/\s]+)):(\d{1,5})\/?$/.exec(text);
  if (found === null) return undefined;
  const [, ipv6, host, port] = found;
  if (Number(port) < 1 || Number(port) > 65_535) return undefined;
  if (ipv6 !== undefined) return isIPv6(ipv6) ? `[${ipv6}]:${port}` : undefined;
  return parseIpv4(host!) !== undefined || isDnsName(host!.toLowerCase()) ? `${host!}:${port}` : undefined;
}

/** No packet of it leaves the machine. */
const isLocal = (member: string): boolean =>
  member.startsWith('unix:') || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]):\d+$/.test(member);
