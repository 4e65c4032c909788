/** What decoders throw inside this folder; the reader's door turns it into SLUICE_CORRUPT_BATCH with the place. */
export class Malformed extends Error {
  constructor(problem: string) {
    super(problem)
    this.name = 'Malformed'
  }
}
