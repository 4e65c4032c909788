/** The log of the command line: JSON lines on stderr by pino, so that stdout belongs to records. */
import { pino } from 'pino'
import type { Logger } from '../core/log.ts'
import type { LogLevel } from './run-options.ts'

/** Synchronous: the last lines before an exit are the ones that matter. */
export function stderrLog(level: LogLevel): Logger {
  return pino({ level }, pino.destination({ dest: 2, sync: true }))
}
