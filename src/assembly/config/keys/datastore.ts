// Keys of where objects are kept, and backups of them. The names are ours: MicroShift has an etcd in this place, with its own limit of 8 GB.
import { choice, integer, text, type ConfigurationKey } from './key.ts';

export const datastoreKeys: readonly ConfigurationKey[] = [
  text(
    'datastore.endpoint',
    '',
    'restart',
    'etcd://HOST:PORT,HOST:PORT or unix:///SOCKET: members of the etcd cluster that holds the objects; empty: an SQLite file below dataDir',
  ),
  text(
    'datastore.authorityFile',
    '',
    'restart',
    'etcd: PEM file of the authorities that its members are checked by; empty: no TLS, which is taken on this machine only',
  ),
  text('datastore.certificateFile', '', 'restart', 'etcd: PEM file of the client certificate that is shown to it'),
  text('datastore.keyFile', '', 'restart', 'etcd: PEM file of the key of datastore.certificateFile'),
  integer(
    'datastore.quotaMB',
    2048,
    'live',
    'size of all objects from which nothing can be created and nothing can grow; all of them are in memory too',
    { least: 16, most: 65_536 },
  ),
  integer(
    'datastore.diskReserveMB',
    64,
    'live',
    'free space on the disk of dataDir below which nothing can be created and nothing can grow; 0: none is kept',
    { least: 0, most: 65_536 },
  ),
  choice(
    'datastore.onDamage',
    ['restore', 'stop'],
    'restart',
    'when the file of the objects is damaged: put the last daily snapshot in its place and say so, or serve nothing',
  ),
];

export const backupKeys: readonly ConfigurationKey[] = [
  text(
    'backup.folder',
    '',
    'live',
    'directory, best on another disk, into which backups are made by schedule; it must be there; empty: none are made',
  ),
  text(
    'backup.schedule',
    '@daily',
    'live',
    'when: five fields as in a CronJob, in the time zone of this machine, or @hourly, @daily, @weekly, @monthly, @every 6h',
  ),
  integer('backup.retention', 7, 'live', 'so many of them stay: when one more is there, the oldest goes', {
    least: 1,
    most: 1_000,
  }),
];
