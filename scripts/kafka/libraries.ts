/**
 * Kafka's own libraries, fetched once by Maven into a cache outside the repository. Whoever needs them asks here; where
 * Java or Maven is missing the answer says so, and nothing is downloaded by any other way.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

export const KAFKA_RELEASE = '4.3.1'

/** The release of log4j that Kafka brings. */
const LOGGING_RELEASE = '2.25.4'

/** What is missing to run Kafka here by Java and Maven, as a sentence; undefined if nothing. */
export function missingTools(): string | undefined {
  const java = spawnSync('java', ['-version'], { encoding: 'utf8' })
  const release = /version "(\d+)/.exec(java.stderr ?? '')?.[1]
  if (release === undefined) return 'there is no java on the path (17 or newer is needed)'
  if (Number(release) < 17) return `java is ${release}, 17 or newer is needed`
  if (existsSync(join(cacheFolder(), '.complete'))) return undefined
  const maven = spawnSync('mvn', ['-v'])
  return maven.status === 0 ? undefined : 'there is no mvn on the path'
}

function cacheFolder(): string {
  const caches = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  return join(caches, 'sluice', `kafka-${KAFKA_RELEASE}`)
}

/** The folder with the jars of a Kafka broker, filled by Maven at the first call. */
export function kafkaLibraries(): string {
  const folder = cacheFolder()
  if (existsSync(join(folder, '.complete'))) return folder
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(tmpdir(), 'sluice-kafka-'))
  try {
    const pom = join(work, 'pom.xml')
    writeFileSync(pom, pomOf())
    const arguments_ = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`]
    const maven = spawnSync('mvn', arguments_, { encoding: 'utf8' })
    if (maven.status !== 0)
      throw new Error(`mvn could not fetch Kafka ${KAFKA_RELEASE}:\n${maven.stdout}${maven.stderr}`)
    writeFileSync(join(folder, '.complete'), '')
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return folder
}

function pomOf(): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluice</groupId><artifactId>kafka-libs</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_RELEASE}</version>
    </dependency>
    <!-- Without it a broker that does not start says nothing. -->
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>${LOGGING_RELEASE}</version>
    </dependency>
  </dependencies>
</project>
`
}

/** The kafka-clients jar, which carries the message schemas. */
export function clientsJar(folder: string): string {
  const jar = readdirSync(folder).find((name) => /^kafka-clients-[\d.]+\.jar$/.test(name))
  if (jar === undefined) throw new Error(`no kafka-clients jar in ${folder}`)
  return join(folder, jar)
}
