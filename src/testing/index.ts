/**
 * The public test kit (`sluice/testing`): a driver without a broker, a clock that a test moves, records, fake services, diffs.
 * @module sluice/testing
 */
export { createDriver, Driver } from './driver.ts'
export type { InputRecord, OutputRecord } from './driver.ts'
export type { DriverOptions } from './driver-options.ts'
export type { CapturedRecord } from './capture.ts'
export { manualClock } from './manual-clock.ts'
export type { ManualClock } from './manual-clock.ts'
export { recordBuilder } from './record-builder.ts'
export type { RecordBuilder, RecordBuilderOptions, RecordParts } from './record-builder.ts'
export { FakeService, fakeHttp, fakeService } from './fake-service.ts'
export type { FakeCall, FakeScript, FakeServiceOptions } from './fake-service.ts'
export { answers, breaksConnection, neverAnswers, tooManyRequests } from './fake-replies.ts'
export type { FakeAnswer, FakeReply, FakeSilence } from './fake-replies.ts'
export { expectRecords } from './expect-records.ts'
export type { CameRecord, ExpectedRecord, ExpectRecordsOptions } from './expect-records.ts'
export type { LoopbackServer } from '../platform/http-server.ts'
