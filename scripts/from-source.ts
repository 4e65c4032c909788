/** Preloaded into a process (`node --import`), so that a program that imports `sluice` gets the sources without a build. */
import { enableCompileCache } from 'node:module'
import { useThisPackage } from '../src/cli/load-app.ts'

enableCompileCache()
useThisPackage()
