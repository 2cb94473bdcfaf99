import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { LogFields, Logger } from '../base/log.ts';
import { redactText } from '../base/redact.ts';
import { withTimeout } from '../base/sync/timeout.ts';

/** The host's log calls; each resolves when the line has arrived. */
export interface HostLog {
  logDebug(message: string, fields?: LogFields): Promise<void>;
  logInfo(message: string, fields?: LogFields): Promise<void>;
  logWarn(message: string, fields?: LogFields): Promise<void>;
  logError(message: string, fields?: LogFields): Promise<void>;
}

/** A host that takes no lines any more must not make this process grow. */
const WAITING_MAX = 1_000;
/** A line that has not arrived by then lets the next one go. */
const LINE_LIMIT_MS = 10_000;

/**
 * Writes into the Mattermost server's log. Lines go out one after another, since the host would
 * mix the order of calls made at once; nobody waits for them, and a lost host is no error.
 */
export class HostLogger implements Logger {
  readonly #log: HostLog;
  readonly #clock: Clock;
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;
  #dropped = 0;

  constructor(log: HostLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  debug(message: string, fields?: LogFields): void {
    this.#send('logDebug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#send('logInfo', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#send('logWarn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#send('logError', message, fields);
  }

  /** Resolves when all lines so far have arrived or are lost. */
  async flush(): Promise<void> {
    await this.#tail;
  }

  #send(level: keyof HostLog, message: string, fields: LogFields = {}): void {
    if (this.#waiting >= WAITING_MAX) {
      this.#dropped++;
      return;
    }
    const shown = withoutSecrets(fields);
    const sent = this.#dropped > 0 ? { ...shown, droppedLines: this.#dropped } : shown;
    this.#dropped = 0;
    this.#waiting++;
    this.#tail = this.#tail
      .then(() => {
        const line = this.#log[level](redactText(message), sent);
        return withTimeout(this.#clock, LINE_LIMIT_MS, line, lost);
      })
      .catch(() => undefined)
      .finally(() => {
        this.#waiting--;
      });
  }
}

/** Errors are described without them already. */
function withoutSecrets(fields: LogFields): LogFields {
  const texts = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? redactText(value) : value,
  ]);
  return Object.fromEntries(texts) as LogFields;
}

function lost(): CodedError {
  return new CodedError('ERR_HOST_SILENT', 'the server took no line of the log in time');
}
