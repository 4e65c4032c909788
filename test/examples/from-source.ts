/** Preloaded into a process (`node --import`), so that a program that imports `sluice` gets the sources instead of dist/. */
import { useThisPackage } from '../../src/cli/load-app.ts'

useThisPackage()
