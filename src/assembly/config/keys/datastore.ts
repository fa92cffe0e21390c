// Keys of where objects are kept. The names are ours: MicroShift has an etcd in this place, with its own limit of 8 GB.
import { choice, integer, type ConfigurationKey } from './key.ts';

export const datastoreKeys: readonly ConfigurationKey[] = [
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
