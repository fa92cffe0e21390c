// argv to command; signals and exit codes. No top-level await: the executable's bundle is one CommonJS script with a code cache.
import { runProgram } from '#cli/program.ts';

// `microshift ... | head`: whoever read has gone, which is no defect. A cluster does not end with the reader of its output.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (process.argv[2] !== 'run') process.exit(0);
});

runProgram(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(
      `microshift: a defect: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exit(1);
  },
);
