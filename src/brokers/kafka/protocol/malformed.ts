/** What readers of the wire throw; the door (`message.ts`) turns it into SLUICE_KAFKA_MALFORMED with the place. */
export class Malformed extends Error {
  constructor(problem: string) {
    super(problem)
    this.name = 'Malformed'
  }
}
