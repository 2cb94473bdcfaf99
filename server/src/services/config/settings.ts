import {
  certificatesComplaint,
  damagedCertificates,
  parseCredentials,
} from './target-credentials.ts';
import { parseExtraTargets, parseHosts } from './target-lists.ts';

/**
 * The plugin's settings, checked and complete. One frozen object per change of the configuration, so
 * that whoever holds one sees one state. Names are those of the Go plugin, whose `configuration.go`
 * fixes keys and defaults; the lists of further targets and the limits of labels and dumps are ours.
 */
export interface Settings {
  /** Folder of the time series database, relative to the server's working directory or absolute. */
  readonly dbPath: string;
  readonly allowOverlappingCompaction: boolean;
  readonly enableMemorySnapshotOnShutdown: boolean;
  /** Largest answer of a scrape, decompressed; what memory allows (128 MiB) is the most all the same. */
  readonly bodySizeLimitBytes: number;
  /** Most samples of one scrape; 0 means no limit. */
  readonly sampleLimit: number;
  /** Most buckets of a native histogram; 0 means no limit. */
  readonly bucketLimit: number;
  /** Most labels of a series, and most bytes of a label's name and value; 0 means no limit. */
  readonly labelLimit: number;
  readonly labelNameLengthLimit: number;
  readonly labelValueLengthLimit: number;
  readonly honorTimestamps: boolean;
  readonly enableMetadataStorage: boolean;
  readonly scrapeIntervalSeconds: number;
  readonly scrapeTimeoutSeconds: number;
  /** How long blocks stay in the file store. */
  readonly retentionDurationDays: number;
  readonly fileStoreSyncPeriodMinutes: number;
  readonly fileStoreCleanupPeriodMinutes: number;
  readonly supportPacketMetricsDays: number;
  /** Largest dump; 0 means no limit. */
  readonly dumpSizeLimitBytes: number;
  /** Threads for blocks, dumps and compression; 0 means half of the cores. */
  readonly workerThreads: number;
  readonly enableNodeExporterTargets: boolean;
  readonly nodeExporterPort: number;
  /** Hosts of calls-offloader, as text for `parseHosts`. */
  readonly callsOffloaderHosts: string;
  /** Targets that nobody would find, as text for `parseExtraTargets`. */
  readonly extraTargets: string;
  /** What extra targets are asked with, as text for `parseCredentials`. */
  readonly targetCredentials: string;
  /** Certificates in PEM form by which targets are trusted too; '' when there are none. */
  readonly targetCA: string;
}

/** What one setting accepts. Bounds are inclusive. */
export type SettingSpec = TextSpec | ListSpec | FlagSpec | NumberSpec;

interface TextSpec {
  readonly kind: 'text';
  readonly key: string;
  readonly default: string;
  /** Shown to nobody, in messages neither. */
  readonly isSecret: boolean;
  /** What it must be, when it is not; undefined when all is well. */
  readonly complaint: (text: string) => string | undefined;
  /** What of a valid text is not usable: where and why, without what it says. */
  readonly problems?: (text: string) => readonly string[];
}

/** A text whose entries stand for themselves: a bad one leaves the others valid. */
interface ListSpec {
  readonly kind: 'list';
  readonly key: string;
  readonly default: '';
  readonly isSecret: boolean;
  /** Entries that are not usable: where and why, without what they say. */
  readonly problems: (text: string) => readonly string[];
}

interface FlagSpec {
  readonly kind: 'flag';
  readonly key: string;
  readonly default: boolean;
}

interface NumberSpec {
  readonly kind: 'number';
  readonly key: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
}

const GIB = 1024 ** 3;
/** Above these, timers and dates stop making sense; nobody means such a value. */
const DAY_SECONDS = 24 * 60 * 60;
const YEAR_MINUTES = 366 * 24 * 60;
/** A local path is cut here by the kernel; a longer one is a mistake. */
const PATH_LENGTH_MAX = 4096;
/** More threads than this only wait for one disk. */
const THREADS_MAX = 64;
const CENTURY_DAYS = 100 * 366;

const flag = (key: string, standard: boolean): FlagSpec => ({
  kind: 'flag',
  key,
  default: standard,
});

const number = (
  key: string,
  standard: number,
  [min, max]: readonly [number, number],
  unit = '',
): NumberSpec => ({ kind: 'number', key, default: standard, min, max, unit });

function pathComplaint(text: string): string | undefined {
  const isPath = text.trim() !== '' && !text.includes('\0') && text.length <= PATH_LENGTH_MAX;
  return isPath ? undefined : 'the path of a folder';
}

const list = (
  key: string,
  problems: (text: string) => readonly string[],
  isSecret = false,
): ListSpec => ({ kind: 'list', key, default: '', isSecret, problems });

/** Each setting by its name in {@link Settings}; `key` is its name in the server's configuration. */
export const SETTING_SPECS: Readonly<Record<keyof Settings, SettingSpec>> = {
  dbPath: {
    kind: 'text',
    key: 'DBPath',
    default: 'mattermost-plugin-metrics/data',
    isSecret: false,
    complaint: pathComplaint,
  },
  allowOverlappingCompaction: flag('AllowOverlappingCompaction', true),
  enableMemorySnapshotOnShutdown: flag('EnableMemorySnapshotOnShutdown', true),
  // The lower bound is the Go plugin's: no real answer is smaller.
  bodySizeLimitBytes: number('BodySizeLimitBytes', GIB, [100, 2 ** 53 - 1], 'bytes'),
  sampleLimit: number('SampleLimit', 0, [0, 2 ** 53 - 1], 'samples'),
  bucketLimit: number('BucketLimit', 0, [0, 2 ** 53 - 1], 'buckets'),
  labelLimit: number('LabelLimit', 0, [0, 2 ** 53 - 1], 'labels'),
  labelNameLengthLimit: number('LabelNameLengthLimit', 0, [0, 2 ** 53 - 1], 'bytes'),
  labelValueLengthLimit: number('LabelValueLengthLimit', 0, [0, 2 ** 53 - 1], 'bytes'),
  honorTimestamps: flag('HonorTimestamps', true),
  enableMetadataStorage: flag('EnableMetadataStorage', true),
  scrapeIntervalSeconds: number('ScrapeIntervalSeconds', 60, [1, DAY_SECONDS], 'seconds'),
  scrapeTimeoutSeconds: number('ScrapeTimeoutSeconds', 10, [1, DAY_SECONDS], 'seconds'),
  retentionDurationDays: number('RetentionDurationDays', 15, [1, CENTURY_DAYS], 'days'),
  fileStoreSyncPeriodMinutes: number(
    'FileStoreSyncPeriodMinutes',
    60,
    [1, YEAR_MINUTES],
    'minutes',
  ),
  fileStoreCleanupPeriodMinutes: number(
    'FileStoreCleanupPeriodMinutes',
    120,
    [1, YEAR_MINUTES],
    'minutes',
  ),
  supportPacketMetricsDays: number('SupportPacketMetricsDays', 1, [1, CENTURY_DAYS], 'days'),
  dumpSizeLimitBytes: number('DumpSizeLimitBytes', 20 * GIB, [0, 2 ** 53 - 1], 'bytes'),
  workerThreads: number('WorkerThreads', 0, [0, THREADS_MAX], 'threads'),
  enableNodeExporterTargets: flag('EnableNodeExporterTargets', true),
  nodeExporterPort: number('NodeExporterPort', 9100, [1, 65535]),
  callsOffloaderHosts: list('CallsOffloaderHosts', (text) => parseHosts(text).problems),
  extraTargets: list('ExtraTargets', (text) => parseExtraTargets(text).problems),
  targetCredentials: list('TargetCredentials', (text) => parseCredentials(text).problems, true),
  targetCA: {
    kind: 'text',
    key: 'TargetCA',
    default: '',
    isSecret: true,
    complaint: certificatesComplaint,
    problems: damagedCertificates,
  },
};
