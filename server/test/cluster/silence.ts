/** Something that does not answer for a while: whoever asks waits until it is over. */
export class Silence {
  #waiting: (() => void)[] = [];
  #count = 0;

  /** Whether it holds just now. */
  get isSilent(): boolean {
    return this.#count > 0;
  }

  begin(): void {
    this.#count++;
  }

  /** One of those that have begun it ends it. */
  end(): void {
    if (--this.#count > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  /** Resolves at once, or when it is over. */
  async pass(): Promise<void> {
    while (this.isSilent) await new Promise<void>((go) => this.#waiting.push(go));
  }
}
