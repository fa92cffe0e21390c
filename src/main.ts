// argv to command; signals and exit codes.
export {};
