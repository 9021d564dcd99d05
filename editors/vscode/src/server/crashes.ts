// How often a server that crashes is started again; pure.

const RESTARTS = 5;
const WITHIN_MILLISECONDS = 3 * 60 * 1000;

export class Crashes {
  private times: number[] = [];

  constructor(private readonly now: () => number = Date.now) {}

  /** Count a crash, and say whether the server may be started again: five times within three minutes. */
  mayRestart(): boolean {
    const now = this.now();
    this.times = [...this.times.filter((time) => now - time <= WITHIN_MILLISECONDS), now];
    return this.times.length <= RESTARTS;
  }
}
