/** Port of secrets: what a configuration refers to instead of holding it. Their values must never be part of a message or a log line. */

export interface Secrets {
  /**
   * What a reference stands for now: `${env:NAME}`, `${file:/path}` or `${file:/path:key}`. Files are read anew each time.
   * @param place where the reference stands, for messages
   * @throws SLUICE_CONFIG_SECRET
   */
  read(reference: string, place: string): string
}
