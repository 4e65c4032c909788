/** Loads the package a source stands on when it is first used: whoever does not use the source need not install it. */
import { sluiceError } from '../../core/errors.ts'

/**
 * The module, or what to install.
 * @param what the source as users know it, for the message
 * @throws SLUICE_DEPENDENCY_MISSING
 */
export async function loadDriver<Module>(
  what: string,
  name: string,
  load: () => Promise<Module>,
): Promise<Module> {
  try {
    return await load()
  } catch (cause) {
    const { code } = cause as { readonly code?: unknown }
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause
    throw sluiceError('SLUICE_DEPENDENCY_MISSING', { what, package: name }, cause)
  }
}
