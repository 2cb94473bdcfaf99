import type { Clock } from '../base/clock.ts';
import { WarningBoard } from '../services/health/warning-board.ts';
import { Watchdog } from '../services/health/watchdog.ts';
import type { Host } from './host.ts';
import { HOST_CALL_LIMIT_MS, timedHost } from './timed-host.ts';
import { hostPart, makeWatches } from './watches.ts';
import type { Watches } from './watches.ts';

/** Whoever has let others wait for so long is named where an answer does not come. */
const WAITING_MS = 1_000;

/** What hears of failures and of silence, and the server with a limit for each of its calls. */
export class Health {
  readonly board: WarningBoard;
  readonly watchdog: Watchdog;
  readonly watches: Watches;
  readonly host: Host;

  constructor(server: Host, clock: Clock) {
    this.board = new WarningBoard(server.log);
    this.watchdog = new Watchdog(clock, server.log);
    this.watches = makeWatches(this.watchdog, this.board);
    const part = hostPart(this.board, HOST_CALL_LIMIT_MS);
    this.host = timedHost(server, clock, this.watchdog, part);
  }

  /** Who keeps others waiting just now, such as `the file store`. */
  slowest(): string | undefined {
    return this.watchdog.slowest(WAITING_MS);
  }
}
