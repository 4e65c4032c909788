/** Says which Node is needed. Loaded by whatever Node there is: it must import nothing but the error table. */
import { sluiceError } from '../core/errors.ts'
import { describeFailure, EXIT_CODES } from './failure.ts'

/** Prints what to do; returns the exit code. */
export function refuseNode(wanted: string, came: string): number {
  process.stderr.write(describeFailure(sluiceError('SLUICE_NODE_VERSION', { wanted, came })))
  return EXIT_CODES.user
}
