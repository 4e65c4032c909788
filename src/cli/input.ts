/** Option `--input topic=file`: a topic filled from JSON lines, exactly once also over restarts with `--folder`. */
import type { SourceTask } from '../connect/index.ts'
import { jsonLinesSource } from '../connectors/jsonl/index.ts'
import type { Plan } from '../engine/topology/plan.ts'
import { openInputFile } from '../platform/input-file.ts'
import type { Input } from './run-options.ts'
import type { Runtime } from './runtime.ts'
import { checkTopic, serdesOf } from './topics.ts'

/** @throws SLUICE_CONFIG_INVALID for a topic that the application does not read */
export function checkInputs(plan: Plan, inputs: readonly Input[]): void {
  for (const { topic } of inputs) checkTopic(topic, plan.sourceTopics, '--input')
}

/** Starts reading; lines are written by the serdes of the topic. */
export function captureInput(
  runtime: Runtime,
  plan: Plan,
  { topic, file }: Input,
  partitions: number,
): Promise<SourceTask> {
  const serdes = serdesOf(plan).get(topic)!
  const source = jsonLinesSource(
    { file, topic, encode: (side, json) => serdes[side].serialize(json) },
    openInputFile,
  )
  return runtime.capture({ name: `${plan.application}-input-${topic}`, source, partitions })
}
