import type { Watch } from '../base/sync/repeating-task.ts';
import type { DumpMaker } from '../services/jobs/dump-maker.ts';
import type { WarningBoard } from '../services/health/warning-board.ts';
import type { Silence, WatchedPart, Watchdog } from '../services/health/watchdog.ts';

const MINUTE_MS = 60_000;

/** A loop as the watchdog sees it. */
export interface LoopWatch {
  readonly watch: Watch;
  /** It got further. */
  move(): void;
}

interface LoopSpec {
  /** Of its warning. */
  readonly code: string;
  /** What stands still then, as the beginning of a sentence. */
  readonly what: string;
  /** A turn that has not moved for so long is named. */
  readonly limitMs: number;
  /** What still works, and what to do. */
  readonly action: string;
}

const ASKS_SERVER =
  'Collecting goes on with what was known. Check that the database of the Mattermost server answers.';
const ASKS_STORE =
  'Metrics are still collected. Check that the file store answers, and the disk of the TSDB Path.';

/**
 * How long each loop may stand still. Those that move bytes get further with each piece; their limits
 * are for what happens between the pieces, such as merging a large block.
 */
const LOOPS = {
  settings: {
    code: 'settings_stuck',
    what: 'Reading the settings of the plugin',
    limitMs: MINUTE_MS,
    action: ASKS_SERVER,
  },
  targets: {
    code: 'targets_stuck',
    what: 'Finding out what to scrape',
    limitMs: MINUTE_MS,
    action: ASKS_SERVER,
  },
  database: {
    code: 'database_stuck',
    what: 'Opening the time series database',
    limitMs: MINUTE_MS,
    action:
      'Nothing is collected until it is open. Reading a long log may take minutes; if this stays, ' +
      'check that the disk of the TSDB Path answers.',
  },
  place: {
    code: 'database_look_stuck',
    what: 'Looking whether the files of the time series database are in their place',
    limitMs: MINUTE_MS,
    action:
      'Collecting goes on unless something else is said. Making a large block may take a minute; if ' +
      'this stays, check that the disk of the TSDB Path answers.',
  },
  sync: {
    code: 'sync_stuck',
    what: 'Bringing blocks to the file store',
    limitMs: 5 * MINUTE_MS,
    action: ASKS_STORE,
  },
  cleanUp: {
    code: 'clean_up_stuck',
    what: 'Removing what is too old from the file store',
    limitMs: 5 * MINUTE_MS,
    action: ASKS_STORE,
  },
  merge: {
    code: 'merge_stuck',
    what: 'Merging blocks of the file store',
    limitMs: 30 * MINUTE_MS,
    action: ASKS_STORE,
  },
  jobs: {
    code: 'jobs_stuck',
    what: 'Looking after the list of dumps',
    limitMs: MINUTE_MS,
    action:
      'Metrics are still collected, but no dumps are made. Check that the database of the ' +
      'Mattermost server and the file store answer.',
  },
  dump: {
    code: 'dump_stuck',
    what: 'Making a dump',
    limitMs: 10 * MINUTE_MS,
    action: `${ASKS_STORE} The dump can be stopped in the list.`,
  },
  reports: {
    code: 'reports_stuck',
    what: 'Telling the other nodes how this one is doing',
    limitMs: MINUTE_MS,
    action: ASKS_SERVER,
  },
  requests: {
    code: 'requests_stuck',
    what: 'Handing the newest samples to the dumps of other nodes',
    limitMs: MINUTE_MS,
    action: ASKS_STORE,
  },
  lease: {
    code: 'lease_stuck',
    what: 'Deciding which node scrapes',
    limitMs: MINUTE_MS,
    action: ASKS_SERVER,
  },
  roles: {
    code: 'roles_stuck',
    what: 'Taking or leaving the role of the node that scrapes',
    limitMs: MINUTE_MS,
    action: ASKS_STORE,
  },
  head: {
    code: 'head_stuck',
    what: 'Making blocks of the samples in memory, now that another node scrapes,',
    limitMs: 10 * MINUTE_MS,
    action: 'They are in the log on the disk. Check that the disk of the TSDB Path answers.',
  },
  ownMetrics: {
    code: 'own_metrics_stuck',
    what: 'Measuring the size of the log on the disk',
    limitMs: MINUTE_MS,
    action: 'Check that the disk of the TSDB Path answers.',
  },
  command: {
    code: 'command_stuck',
    what: 'Registering the slash command',
    limitMs: MINUTE_MS,
    action: ASKS_SERVER,
  },
  storeCheck: {
    code: 'file_store_check_stuck',
    what: 'Looking whether the file store takes files',
    limitMs: 2 * MINUTE_MS,
    action: ASKS_STORE,
  },
} as const satisfies Record<string, LoopSpec>;

export type Watches = Readonly<Record<keyof typeof LOOPS, LoopWatch>>;

/** Looks of the watchdog without a silence after which a server counts as answering again. */
const ANSWERED_LOOKS = 4;

/** All loops, each with its warning. */
export function makeWatches(watchdog: Watchdog, board: WarningBoard): Watches {
  let turns = 0;
  const make = ({ code, what, limitMs, action }: LoopSpec): LoopWatch => {
    const part: WatchedPart = {
      limitMs: () => limitMs,
      report: (silence) => {
        const message = `${what} has been under way without progress since ${sinceText(silence)}.`;
        board.set(code, silence && { message, action });
      },
    };
    return {
      // A key of its own: that one turn ends well says nothing about another that does not end.
      watch: (work) => watchdog.follow(part, String(turns++), work),
      move: () => watchdog.move(part),
    };
  };
  const names = Object.keys(LOOPS) as (keyof typeof LOOPS)[];
  return Object.fromEntries(names.map((name) => [name, make(LOOPS[name])])) as Watches;
}

/** `dumps`, with each one that is made watched. */
export function watchedDumps(dumps: DumpMaker, loop: LoopWatch): DumpMaker {
  return {
    make: (run) => {
      const onProgress = (fraction: number): void => {
        loop.move();
        run.onProgress(fraction);
      };
      return loop.watch(() => dumps.make({ ...run, onProgress }));
    },
    remove: (jobId) => dumps.remove(jobId),
    removeLeftovers: () => dumps.removeLeftovers(),
  };
}

/** The Mattermost server with its database, as the watchdog sees it. */
export function hostPart(board: WarningBoard, limitMs: number): WatchedPart {
  let first: Silence | undefined;
  let answeredLooks = 0;
  return {
    name: 'the Mattermost server or its database',
    limitMs: () => limitMs,
    report: (silence) => {
      // Calls that end one by one, each after a long time, are one silence.
      answeredLooks = silence === undefined ? answeredLooks + 1 : 0;
      if (silence !== undefined) first ??= silence;
      if (answeredLooks >= ANSWERED_LOOKS) first = undefined;
      board.set(
        'host_silent',
        first && {
          message: `The Mattermost server has not answered the plugin since ${sinceText(first)}.`,
          action:
            'Check that its database answers. What is known is scraped meanwhile; dumps and ' +
            'settings wait.',
        },
        silence && `the call that waits longest: ${silence.key}`,
      );
    },
  };
}

/** To the minute, in UTC: the same text for as long as it holds. */
export function sinceText(silence: Silence | undefined): string {
  if (silence === undefined) return '';
  return `${new Date(silence.sinceMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
