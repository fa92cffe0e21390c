// The logger that everything takes as a parameter. Only service, request and reconcile boundaries log.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds the owner's name. */
  named(name: string): Logger;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, named: () => silentLogger };
