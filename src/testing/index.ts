/** The public test kit (`sluice/testing`): a driver without a broker and a clock that a test moves. */
export { createDriver, Driver } from './driver.ts'
export type { DriverOptions, InputRecord, OutputRecord } from './driver.ts'
export type { CapturedRecord } from './capture.ts'
export { manualClock } from './manual-clock.ts'
export type { ManualClock } from './manual-clock.ts'
