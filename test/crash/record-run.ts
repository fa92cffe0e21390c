// Runs the workload below the recorder, and gives what it changed and noted.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Image } from './disk.ts';
import { writeImage } from './judge.ts';
import { parseNotes, type Note, type Promised, promisedBy, type Seen } from './notes.ts';
import { type Change, readRecording } from './recording.ts';

export interface Run {
  readonly changes: readonly Change[];
  /** What had been promised when the change of this index had been made. */
  promisedUntil(index: number): Promised;
  readonly history: readonly Seen[];
}

const here = import.meta.dirname;

/** Needs a C compiler. Throws with what it says when it fails. */
export function buildRecorder(folder: string): string {
  const library = path.join(folder, 'recorder.so');
  if (!existsSync(library))
    execFileSync('cc', [
      '-O1',
      '-Wall',
      '-Werror',
      '-shared',
      '-fPIC',
      '-o',
      library,
      path.join(here, 'recorder.c'),
      '-ldl',
    ]);
  return library;
}

export interface Workload {
  readonly seed: number;
  readonly writes: number;
  /** Large objects that are all removed in the end, so that the file shrinks. */
  readonly isLarge?: boolean | undefined;
  /** The encryption key is changed all the time. */
  readonly isRotating?: boolean | undefined;
  /** What the disk holds at the beginning. */
  readonly image?: Image | undefined;
}

export function recordRun(
  scratch: string,
  recorder: string,
  { seed, writes, isLarge, isRotating, image = new Map() }: Workload,
): Run {
  const folder = path.join(scratch, 'recorded');
  const log = path.join(scratch, 'recording');
  writeImage(folder, image);
  rmSync(log, { force: true });
  execFileSync(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      path.join(here, 'workload.ts'),
      folder,
      String(seed),
      String(writes),
      isLarge === true ? 'large' : isRotating === true ? 'rotating' : '',
    ],
    {
      env: { ...process.env, LD_PRELOAD: recorder, CRASH_FOLDER: folder, CRASH_LOG: log },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  return runOf(readRecording(log));
}

/** Takes the notes out of the changes. */
function runOf(all: readonly Change[]): Run {
  const changes: Change[] = [];
  const notes: Note[] = [];
  const noteCounts: number[] = [];
  const noteFiles = new Set<number>();
  for (const change of all) {
    if (change.kind === 'name' && change.name === 'notes') noteFiles.add(change.file);
    if ('file' in change && noteFiles.has(change.file)) {
      if (change.kind === 'write') notes.push(...parseNotes(Buffer.from(change.bytes).toString()));
      if (noteCounts.length > 0) noteCounts[noteCounts.length - 1] = notes.length;
      continue;
    }
    changes.push(change);
    noteCounts.push(notes.length);
  }
  return {
    changes,
    promisedUntil: (index) => promisedBy(notes.slice(0, noteCounts[index])),
    history: notes.filter((note) => note.type === 'seen'),
  };
}
