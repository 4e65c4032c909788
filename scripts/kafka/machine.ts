/**
 * How Kafka's programs are run here: by Java with the jars from Maven, or in a container that shares network and folder.
 * Everything else about a test cluster is the same for both.
 */
import { spawnSync } from 'node:child_process'
import { KAFKA_RELEASE, kafkaLibraries, missingTools } from './libraries.ts'

export interface Machine {
  readonly kind: 'java' | 'docker'
  /**
   * The command line of a program of Kafka.
   * @param folder files that it reads and writes
   * @param name of a container, if it is to be signalled later
   */
  command(
    folder: string,
    program: readonly string[],
    jvm?: readonly string[],
    name?: string,
  ): readonly string[]
}

type Found = Machine | { readonly kind: undefined; readonly reason: string }

let found: Found | undefined

/** What there is, Java before Docker; undefined where neither is, with `reason`. Looked for once; nothing is fetched yet. */
export function findMachine(): Found {
  found ??= look()
  return found
}

function look(): Found {
  const missing = missingTools()
  if (missing === undefined) return javaMachine
  const docker = spawnSync('docker', ['info'])
  if (docker.status === 0) return dockerMachine
  return { kind: undefined, reason: `${missing}, and no Docker answers` }
}

const javaMachine: Machine = {
  kind: 'java',
  command: (_folder, program, jvm = []) => ['java', ...jvm, '-cp', `${kafkaLibraries()}/*`, ...program],
}

const dockerMachine: Machine = {
  kind: 'docker',
  command(folder, program, jvm = [], name) {
    const container = ['docker', 'run', '--rm', '--network', 'host', '--volume', `${folder}:${folder}`]
    const named = name === undefined ? [] : ['--name', name]
    const image = `apache/kafka:${KAFKA_RELEASE}`
    return [
      ...container,
      ...named,
      '--entrypoint',
      'java',
      image,
      ...jvm,
      '-cp',
      '/opt/kafka/libs/*',
      ...program,
    ]
  },
}
