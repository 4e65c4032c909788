/** One broker as a process that dies with us, whatever kills us: its shell ends it when our end of a pipe is closed. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** Starts the command in the background, says its process id, and waits for an end of input to end it. */
const SUPERVISOR = `log=$1; shift
"$@" >>"$log" 2>&1 3<&- & pid=$!
echo $pid
(read -r _; kill -9 $pid 2>/dev/null) <&3 &
wait $pid; kill $! 2>/dev/null`

const READY_MS = 150_000
const STOP_MS = 20_000

export interface BrokerCommand {
  readonly line: readonly string[]
  readonly log: string
  /** The port whose opening means that it runs. */
  readonly port: number
  /** Set where the process is in a container: signals go through Docker. */
  readonly container: string | undefined
}

export class BrokerProcess {
  readonly #command: BrokerCommand
  #supervisor: ChildProcess | undefined
  #pid = 0

  constructor(command: BrokerCommand) {
    this.#command = command
  }

  /** Starts it and waits until it takes connections. @throws if it does not; with the end of its log */
  async start(): Promise<void> {
    const { line, log } = this.#command
    const supervisor: ChildProcess = spawn('sh', ['-c', SUPERVISOR, 'kafka', log, ...line], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    })
    this.#supervisor = supervisor
    const [first] = (await once(supervisor.stdout!, 'data')) as [Buffer]
    this.#pid = Number(first.toString())
    await this.#ready()
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + READY_MS
    while (!(await accepts(this.#command.port))) {
      const ended = this.#supervisor === undefined || this.#supervisor.exitCode !== null
      if (ended || performance.now() > deadline) throw new Error(`Kafka did not start:\n${this.#logTail()}`)
      await delay(50)
    }
  }

  #logTail(): string {
    return readFileSync(this.#command.log, 'utf8').split('\n').slice(-25).join('\n')
  }

  /** Ends it: in order, and by force if that takes too long. */
  async stop(): Promise<void> {
    this.signal('SIGCONT')
    this.signal('SIGTERM')
    await this.#ended(STOP_MS)
    await this.kill()
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#ended(STOP_MS)
    this.#supervisor = undefined
  }

  async #ended(patienceMs: number): Promise<void> {
    const supervisor = this.#supervisor
    if (supervisor === undefined || supervisor.exitCode !== null || supervisor.signalCode !== null) return
    const patience = new AbortController()
    await Promise.race([
      once(supervisor, 'exit'),
      delay(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined),
    ])
    patience.abort()
  }

  /** SIGSTOP and SIGCONT stop its time and let it go on. */
  signal(signal: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    if (this.#supervisor === undefined || this.#supervisor.exitCode !== null) return
    if (this.#command.container !== undefined) {
      spawnSync('docker', ['kill', '--signal', signal, this.#command.container])
      return
    }
    try {
      process.kill(this.#pid, signal)
    } catch {
      // It ended by itself meanwhile.
    }
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
