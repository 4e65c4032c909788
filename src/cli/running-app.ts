/** Topics of an application that runs, over its server: its folder is its own, so nobody else can open it meanwhile. */
import { isSluiceError, problemOf, sluiceError } from '../core/errors.ts'
import type { Manifest } from '../engine/topology/plan.ts'

/** A record as the server shows it: key and value read by the serdes of the application. */
export interface ServedRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: unknown
  readonly value: unknown
  readonly headers: Readonly<Record<string, string | null>>
}

export interface ServedTopic {
  readonly name: string
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}

/** @throws SLUICE_SERVER_UNREACHABLE */
export async function servedTopics(address: string): Promise<readonly ServedTopic[]> {
  const answer = await ask(new URL('/topics', address), new AbortController().signal)
  return (await answer.json()) as readonly ServedTopic[]
}

/** What `/topology` answers, as far as it is asked for here. */
export interface ServedTopology {
  readonly manifest?: Manifest
  readonly reads?: readonly string[]
  readonly writes?: readonly string[]
}

/** @throws SLUICE_SERVER_UNREACHABLE */
export async function servedTopology(address: string): Promise<ServedTopology> {
  const answer = await ask(new URL('/topology', address), new AbortController().signal)
  return (await answer.json()) as ServedTopology
}

/**
 * The records of a topic from a place on (`earliest`, `latest`, or an ISO time), until `signal`.
 * @throws SLUICE_SERVER_UNREACHABLE, also when the application ends meanwhile
 */
export async function* servedRecords(
  address: string,
  topic: string,
  from: string,
  signal: AbortSignal,
): AsyncGenerator<ServedRecord> {
  const url = new URL(`/topics/${encodeURIComponent(topic)}/follow?from=${encodeURIComponent(from)}`, address)
  const answer = await ask(url, signal)
  let rest = ''
  try {
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      const events = (rest + chunk).split('\n\n')
      rest = events.pop()!
      for (const event of events) {
        const data = /^data: (.*)$/m.exec(event)?.[1]
        if (data !== undefined) yield JSON.parse(data) as ServedRecord
      }
    }
  } catch (error) {
    if (!signal.aborted) throw unreachable(url, problemOf(error), error)
  }
}

async function ask(url: URL, signal: AbortSignal): Promise<Response> {
  const token = process.env['SLUICE_SERVER_TOKEN']
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  try {
    const answer = await fetch(url, { signal, headers })
    if (answer.ok) return answer
    const { message } = (await answer.json().catch(() => ({}))) as { readonly message?: string }
    throw unreachable(url, message ?? `it answered ${answer.status}`)
  } catch (error) {
    throw isSluiceError(error) ? error : unreachable(url, causeOf(error), error)
  }
}

/** Node says only `fetch failed`; what happened is in the cause. */
function causeOf(error: unknown): string {
  return problemOf(error instanceof Error && error.cause !== undefined ? error.cause : error)
}

/** The error of an application that cannot be asked. */
export function unreachable(url: URL, problem: string, cause?: unknown): Error {
  return sluiceError('SLUICE_SERVER_UNREACHABLE', { url: url.href, problem }, cause)
}
